/* lp.h - the linear program of a model as data: what lp_build.c makes,
 * lp_rows.c and lp_cover.c add to, and ilp_glpk.c solves.
 *
 * Columns                                          rows (docs/formulation.md)
 *   q  a path of a storage, or an arc of its graph   (C1) one path a storage;
 *      where the paths are too many                       flow in and out
 *   e  an entry of a kernel: variant and slow set    (C2) one entry a kernel
 *                                                    (C3) entry and paths
 *                                                         agree per operand
 *   w  an optional operand that is slow and unread   (C3) ... and
 *                                                    (C4) w <= entries that
 *                                                         do not read it
 *   p  product of two slow operands                  (C5) p against them
 *   z  max(base, sum of slow) of many operands       (C6)
 *   h  a may pair shares                             (C7) h <= in gives,
 *                                                    (C8) h <= out is fast,
 *                                                    (C9) each operand once
 *                                                    (C10) fast row of a
 *                                                         kernel, lazy
 *                                                    (C11) slow row of a
 *                                                         phase, lazy
 *                                                    (C12) lifted cover
 *
 * Kernels with one operand put their table into the paths' costs; with two and
 * a whole table, a linear part and p; otherwise the hull: one column an entry
 * that can fit the budget at all.
 */
#ifndef ATM_SOLVER_LP_H
#define ATM_SOLVER_LP_H

#include "model.h"

struct glp_prob;
struct atm__split;

enum kind { PATH, ENTRY, UNREAD, PRODUCT, MOST, SHARE };

struct column {
    enum kind kind;
    uint32_t owner;        /* storage, or kernel */
    uint32_t arc, n_arcs;  /* PATH: in `arcs` */
    uint32_t variant;      /* ENTRY */
    uint64_t slow;         /* ENTRY: set of uses; others: the use or pair */
    int64_t bytes;         /* ENTRY: scratch, SHARE: less the size */
    double seconds;        /* PRODUCT */
};

/* How the slowness of a use enters: price = linear + sum -factor * dual. */
struct link {
    double linear, factor;
    int row[2];            /* 0: none */
};

struct lazy {              /* a lazy row: fast of a kernel, slow of a phase,
                              or a cover */
    enum { FAST_ROW, SLOW_ROW, COVER } kind;
    uint32_t at;
    int row;
    int64_t b;
    uint32_t n;
    uint32_t *storage;
    int64_t *a;
};

struct lp_row {
    enum { ROW_EQUAL, ROW_LEAST, ROW_MOST } kind;
    double b;
};

struct exclusion {         /* boxes that no address assignment holds together */
    uint32_t n;
    struct atm_box *box;
};

struct atm__ilp {
    const struct atm__model *m;
    struct atm_arena *arena;
    struct glp_prob *lp;
    uint32_t born;         /* failures of this thread's GLPK until then: after
                              one more nothing of `lp` may be touched */
    double cost_scale, byte_scale;
    struct column *col;    /* from 1, as GLPK's */
    uint32_t n_col, cap_col;
    uint32_t *arcs, n_arcs, cap_arcs;
    struct link **link;    /* per kernel, per use */
    int **alpha, **beta;   /* rows per kernel, per pair; 0: none */
    uint32_t *col_of;      /* first path column of each storage, n + 1 */
    double constant;       /* seconds */
    const uint64_t *limit;
    struct lazy *lazy;
    uint32_t n_lazy, cap_lazy;
    uint8_t *has_fast, *has_slow; /* rows; in_tree: of no meaning */
    uint8_t *has_entries;  /* kernels whose scratch is in entry columns */
    bool in_tree, has_tree_rows;
    /* matrix being built */
    int *ti, *tj;
    double *tv;
    uint32_t nt, cap_ti, cap_tj, cap_tv;
    struct lp_row *row;    /* from 1 */
    uint32_t n_row, cap_row;
    /* of the last solve */
    double *x, *use, *slow_use;
    double *dense;         /* per storage: scratch of cover separation */
    uint32_t *sorted;
    int *ind;
    double *val;
    bool failed;           /* out of memory */
    bool stopped;          /* by it */
    double effort;         /* of all solves: see atm__ilp_work */
    struct exclusion *out;
    uint32_t n_out, cap_out;
    /* the tree */
    const struct atm_plan_options *options;
    struct atm__plan *best, *work;
    double best_s, tree_bound;
    int start_it;
    uint32_t calls;
    double started, told;
};

/* Columns, rows and the matrix, ready to be loaded; false: out of memory. */
bool atm__lp_build(struct atm__ilp *p, struct atm_arena *tmp);
double atm__lp_column_seconds(struct atm__ilp *p, uint32_t c);

/* Does path column c hold fast memory at kernel k? */
bool atm__lp_covers(const struct atm__ilp *p, uint32_t c, uint32_t k);
/* Upper side of a lazy row under the limits at hand. */
double atm__lp_row_limit(const struct atm__ilp *p, const struct lazy *l);
void atm__lp_add_lazy(struct atm__ilp *p, struct lazy l);
/* Bytes that the point x holds, into p->use and p->slow_use. */
void atm__lp_measure(struct atm__ilp *p);
/* Adds the most violated rows that are local maxima; false: none was. */
bool atm__lp_add_violated(struct atm__ilp *p);
/* All memory rows that can bind and that no other implies. */
void atm__lp_add_all(struct atm__ilp *p);
/* Is the time of kernel k only bounded from below by the program? */
bool atm__lp_is_estimate(const struct atm__model *m, uint32_t k);
/* One round of lifted covers (C12); the number of cuts added. */
uint32_t atm__lp_separate(struct atm__ilp *p);
/* Is the box among the residences (or scratch) of column c, of a plan? */
bool atm__lp_column_has(const struct atm__ilp *p, uint32_t c,
                        const struct atm_box *box);
bool atm__lp_plan_has(const struct atm__model *m, const struct atm__plan *a,
                      const struct atm_box *box);

/* For certificate trees: each storage and each kernel may be left out at
 * `seconds`, so that no leaf is infeasible and each has prices. */
enum atm_status atm__ilp_elastic(struct atm__ilp *p, double seconds);
/* Only the paths and entries that the splits leave. */
void atm__ilp_restrict(struct atm__ilp *p, const struct atm__split *x,
                       uint32_t n);
/* Takes covers out that the last point does not meet, so that those of one leaf
 * do not weigh on all others. */
enum atm_status atm__ilp_trim(struct atm__ilp *p);
/* So far: iterations, each by the rows that it had to go through. */
double atm__ilp_work(const struct atm__ilp *p);

/* Appends the row of the first n entries of p->ind and p->val with an upper
 * side; returns its index. In ilp_glpk.c. */
int atm__lp_append(struct atm__ilp *p, int n, double upper);

/* The program as another solver needs it: all rows, or those that are there,
 * and which columns are whole numbers. Then row i from 1: its entries in p->ind
 * and p->val; their number, or -1 behind the last. */
enum atm_status atm__ilp_complete(struct atm__ilp *p, bool all_rows);
int atm__ilp_row(struct atm__ilp *p, int i, struct lp_row *row);
double atm__ilp_cost(const struct atm__ilp *p, uint32_t c); /* seconds */
bool atm__ilp_is_whole(const struct atm__ilp *p, uint32_t c);

#endif
