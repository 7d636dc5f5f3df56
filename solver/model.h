/* model.h - what the planners share: the problem as storages with the graph
 * of their legal paths, and the kernels over storages.
 *
 * A path says for one storage where it is at each station, whether it is kept
 * in each gap, and when it moves. All rules of residence (dirty, valid, cold
 * start, end, round, carry, several producers, slow place) live in the arcs
 * of a small acyclic graph: nodes are states after a station, a path runs
 * from the first node to the last one. One shortest-path routine over it
 * serves the linear program's columns, the certificate and the descent.
 */
#ifndef ATM_SOLVER_MODEL_H
#define ATM_SOLVER_MODEL_H

#include "autotm/planner.h"
#include "load.h"
#include "problem_storage.h"

struct atm_arena;

struct atm__arc {
    uint32_t from, to;   /* nodes, from < to */
    uint32_t station;    /* the one it enters; ATM_NONE: none */
    bool fast;           /* at that station */
    bool fetch;          /* fetched there: a variant must read it */
    bool lost;           /* slow without a copy: no variant may read it */
    bool give;           /* leaves after it without a write: a may pair's out
                            can take the place */
    bool keep;           /* kept in the gap before the station (or the end) */
    bool resident;       /* the whole path: in fast memory all the time */
    double seconds;      /* of moves */
    uint32_t from_kernel, to_kernel; /* [..): in fast memory, besides the
                                        station's kernel */
    uint32_t from_phase, to_phase;   /* [..): of the slow place */
};

struct atm__path_graph {
    uint32_t n_nodes, n_arcs;
    struct atm__arc *arc;  /* ascending by `from` */
};

/* An operand over storages: the two of a must pair are one. */
struct atm__use {
    uint32_t storage, station;
    uint32_t position;     /* in the operand numbering of certificates */
    uint32_t n_pairs_in;   /* may pairs that could take its place */
};

struct atm__kernel {
    uint32_t n;            /* uses, of any variant */
    struct atm__use *use;
    uint32_t **bit;        /* per variant, per operand: index in `use` */
    uint64_t *all;         /* per variant: set of uses */
    uint32_t n_positions, *operand; /* tensors by position */
    bool shares;           /* has may pairs */
    uint64_t must;         /* pairs' operands: bits of uses that never share */
};

struct atm__model {
    const struct atm_problem *p;
    struct atm_arena *arena;
    struct atm_storages st;
    struct atm__path_graph *graph; /* per storage */
    uint32_t *arc_of;      /* per storage, and the end: its first arc where the
                              arcs of all are in one list */
    struct atm__kernel *kernel;
    uint64_t budget;
    bool slow_limited;
    bool static_only;      /* no moves */
    unsigned without;      /* set of atm_plan_part that are left out */
    uint64_t total_bytes;
    bool (*stop)(void *user); /* asked now and then by whoever works long;
                                 may be null */
    void *stop_user;
};

/* Graphs of all storages, arcs in `arena`. */
enum atm_status atm__model_new(const struct atm_problem *p, uint64_t budget,
                               bool static_only, struct atm__model **model);
void atm__model_delete(struct atm__model **model);

/* Least sum of `cost` over a path; its arcs in order in `path` (at most
 * stations + 1; may be null). INFINITY: none. */
double atm__shortest(const struct atm__path_graph *g, const double *cost,
                     uint32_t *path, uint32_t *n_path);

/* Seconds of kernel k, variant v, with the uses of `slow` slow; < 0: no. */
double atm__kernel_seconds(const struct atm__model *m, uint32_t k, uint32_t v,
                           uint64_t slow);

/* ---- a plan being made ---- */

/* Seconds of an entry that is not allowed: finite, so that a descent can
 * leave a plan that holds one. */
#define ATM__FORBIDDEN_S 1e12

struct atm__spot {         /* a storage at a station */
    bool fast, keep;       /* keep: in the gap after it */
    bool lost, fetched, give;
};

struct atm__plan {
    const struct atm__model *m;
    struct atm_arena *arena;
    uint64_t *limit;       /* per kernel: fast bytes at most */
    uint32_t **path;       /* per storage: arcs */
    uint32_t *n_path;      /* 0: not placed */
    struct atm__spot **spot; /* per storage, per station */
    uint8_t *resident;
    uint32_t *variant;     /* per kernel */
    int64_t *extra;        /* per kernel: scratch less what pairs share */
    struct atm__load fast; /* per kernel: fast bytes over the limit */
    struct atm__load slow; /* per phase; n 0: not limited */
    double tie_s;          /* per byte and kernel held: breaks ties, or a price
                              of memory */
    /* of a descent: when each storage was last looked at, and when what lies
     * in each block of kernels last changed */
    uint32_t *looked, *changed, now;
    /* work space */
    double *arc_cost;
    uint32_t *arc_path, *old_path, *order;
};

enum atm_status atm__plan_new(const struct atm__model *m,
                              struct atm__plan **plan);
void atm__plan_delete(struct atm__plan **plan);
void atm__plan_copy(struct atm__plan *to, const struct atm__plan *from);
/* Another limit of kernel k. */
void atm__plan_limit(struct atm__plan *a, uint32_t k, uint64_t bytes);
/* Fast bytes at kernel k, with scratch, shared pairs once. */
uint64_t atm__plan_held(const struct atm__plan *a, uint32_t k);

/* Takes storage s out, or puts it on the path given. */
void atm__plan_remove(struct atm__plan *a, uint32_t s);
void atm__plan_put(struct atm__plan *a, uint32_t s, const uint32_t *path,
                   uint32_t n);
/* Variant v for kernel k; put and remove choose the best that fits. */
void atm__plan_choose(struct atm__plan *a, uint32_t k, uint32_t v);
/* Best path of storage s, which is out, with all others as they are: into
 * a->arc_path; INFINITY: none. `kernel`: not in fast memory there; ATM_NONE:
 * anywhere. */
double atm__plan_best(struct atm__plan *a, uint32_t s, uint32_t kernel,
                      uint32_t *n_path);

/* One-kernel residences: legal wherever a plan is, but for the capacity of
 * the slow pool. False: a kernel has no entry that fits. */
bool atm__plan_start(struct atm__plan *a);
/* Takes storages out of kernels and phases above their limit; false: not
 * possible. */
bool atm__plan_repair(struct atm__plan *a);
/* Sweeps until nothing is gained or `sweeps` are done. */
void atm__plan_descend(struct atm__plan *a, uint64_t seed, uint32_t sweeps);
/* Seconds of the whole plan; INFINITY: something is not allowed. */
double atm__plan_seconds(const struct atm__plan *a);
/* After a change at kernel k: its best variant and what is shared there. */
void atm__plan_settle(struct atm__plan *a, uint32_t k);
/* The set of may pairs of k, from pair `at` on, that saves most bytes: an
 * operand shares once. Beyond 16 pairs each that can share does. */
uint64_t atm__pairs(const struct atm__model *m, uint32_t k, uint32_t at,
                    uint64_t fast, uint64_t give, uint64_t *bytes);
/* May pairs of k that share: bits of pair indices. */
uint64_t atm__plan_shared(const struct atm__plan *a, uint32_t k);

/* The answer: decisions, boxes without offsets, objective. */
enum atm_status atm__plan_to_placement(const struct atm__plan *a,
                                       struct atm_placement **out);

/* ---- linear program ---- */

struct atm__ilp;
struct atm__lp {
    double *arc_weight;    /* all arcs of all storages, in order */
    double bound;          /* value of the LP in seconds: not certified */
    bool infeasible;
    bool stopped;          /* before its end: prices only */
    struct atm_certificate certificate; /* prices of the last solve, in the
                                           ilp's arena */
};
enum atm_status atm__ilp_new(const struct atm__model *m,
                             struct atm__ilp **ilp);
void atm__ilp_delete(struct atm__ilp **ilp);
/* Begins where another program of the same problem ended, if it has the same
 * rows and columns (at another budget other entries may fit); nothing to begin
 * with is no error. Keeps what this one ended with, without covers. */
enum atm_status atm__ilp_begin(struct atm__ilp *ilp,
                               const struct atm_plan_start *start);
enum atm_status atm__ilp_keep(struct atm__ilp *ilp,
                              struct atm_plan_start *start);
/* `limit`: per kernel. With `cuts` also lifted covers. Work, not time, bounds
 * it, so that plans repeat. */
enum atm_status atm__ilp_solve(struct atm__ilp *ilp, const uint64_t *limit,
                               bool cuts, struct atm__lp *r);
/* Tree search after the last solve, with its limits. *best is a scratch plan
 * that holds the best plan known (`seconds`), improved in place. `bound`: what
 * GLPK's cuts and tree prove, which is no certificate. */
enum atm_status atm__ilp_search(struct atm__ilp *ilp,
                                const struct atm_plan_options *o,
                                struct atm__plan *best, struct atm__plan *work,
                                double *seconds, double *bound);

/* From now on no plan holds all these boxes: residences in fast memory, by
 * first and last kernel, and scratch of kernels with variants. */
enum atm_status atm__ilp_exclude(struct atm__ilp *ilp,
                                 const struct atm_box *box, uint32_t n);
bool atm__ilp_excludes(const struct atm__ilp *ilp, const struct atm__plan *a);

/* ---- certificate ---- */

/* Cover cuts name storages by their first tensor. The bound of any prices,
 * rounded down to 9 decimals; prices of a wrong sign are INVAL. */
enum atm_status atm__bound(const struct atm__model *m,
                           const struct atm_certificate *c, double *bound);

/* Does (variant, set of slow uses) fit the budget alone, pairs once? */
bool atm__entry_fits(const struct atm__model *m, uint32_t k, uint32_t v,
                     uint64_t slow, uint64_t limit);

/* Index of the storage in the uses of kernel k. */
uint32_t atm__use_index(const struct atm__model *m, uint32_t k,
                        uint32_t storage);

#endif
