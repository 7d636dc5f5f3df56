/* ilp_glpk.c - the integer program of a model, and the only file that sees
 * GLPK.
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
 *
 * GLPK aborts on misuse and on lack of memory: each entry below installs a
 * hook that jumps back; then all of this thread's GLPK objects are gone.
 * MIR cuts of GLPK 5.0 cut off legal plans of these models: never switched on.
 * Work limits count iterations, so that a plan does not depend on the clock.
 */
#include "model.h"

#include "arena.h"

#include <glpk.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATHS_MAX 64       /* columns of one storage before arcs are better */
#define HULL_MAX 10        /* operands of a table whose entries are columns */
#define ROWS_A_ROUND 60
#define ROUNDS_MAX 200
#define CUT_ROUNDS 30
#define CUTS_A_ROUND 60
#define ITERATIONS_MAX 3000000
#define TREE_ITERATIONS 400000
#define TREE_NODES 20000

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

struct exclusion {         /* boxes that no address assignment holds together */
    uint32_t n;
    struct atm_box *box;
};

struct atm__ilp {
    const struct atm__model *m;
    struct atm_arena *arena;
    glp_prob *lp;
    bool dead;             /* GLPK gave up: nothing of it may be touched */
    double cost_scale, byte_scale;
    struct column *col;    /* from 1, as GLPK's */
    uint32_t n_col, cap_col;
    uint32_t *arcs, n_arcs, cap_arcs;
    struct link **link;    /* per kernel, per use */
    int **alpha, **beta;   /* rows per kernel, per pair; 0: none */
    uint32_t *col_of;      /* first path column of each storage, n + 1 */
    uint32_t *arc_of;      /* first arc of each storage in arc_weight */
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
    int n_rows;
    /* of the last solve */
    double *x, *use, *slow_use;
    double *dense;         /* per storage: scratch of cover separation */
    uint32_t *sorted;
    int *ind;
    double *val;
    bool failed;           /* out of memory */
    struct exclusion *out;
    uint32_t n_out, cap_out;
    /* the tree */
    const struct atm_plan_options *options;
    struct atm__plan *best, *work;
    double best_s, tree_bound;
    int start_it;
    double started, told;
};

static _Thread_local jmp_buf escape;
static _Thread_local uint32_t alive; /* ilps of this thread */

static void on_error(void *info)
{
    (void)info;
    longjmp(escape, 1);
}

static enum atm_status died(struct atm__ilp *ilp)
{
    ilp->dead = true;
    glp_error_hook(NULL, NULL);
    (void)glp_free_env();
    return atm_fail(ATM_INTERNAL, "the LP solver gave up");
}

/* ---- building ---- */

static uint32_t add_column(struct atm__ilp *p, const struct column *c)
{
    struct column *bigger = atm_arena_grow(p->arena, p->col, &p->cap_col,
                                           p->n_col + 2, sizeof(*bigger));

    if (!bigger) {
        p->failed = true;
        return 0;
    }
    p->col = bigger;
    p->col[++p->n_col] = *c;
    return p->n_col;
}

static void put(struct atm__ilp *p, int row, uint32_t col, double v)
{
    int *ti = atm_arena_grow(p->arena, p->ti, &p->cap_ti, p->nt + 2,
                             sizeof(*ti));
    int *tj = atm_arena_grow(p->arena, p->tj, &p->cap_tj, p->nt + 2,
                             sizeof(*tj));
    double *tv = atm_arena_grow(p->arena, p->tv, &p->cap_tv, p->nt + 2,
                                sizeof(*tv));

    if (ti)
        p->ti = ti;
    if (tj)
        p->tj = tj;
    if (tv)
        p->tv = tv;
    if (!ti || !tj || !tv) {
        p->failed = true;
        return;
    }
    p->nt++;
    p->ti[p->nt] = row;
    p->tj[p->nt] = (int)col;
    p->tv[p->nt] = v;
}

static int add_row(struct atm__ilp *p, int type, double b)
{
    p->n_rows++;
    (void)glp_add_rows(p->lp, 1);
    glp_set_row_bnds(p->lp, p->n_rows, type, b, b);
    return p->n_rows;
}

static void add_arcs(struct atm__ilp *p, uint32_t s, const uint32_t *arc,
                     uint32_t n)
{
    struct column c = {.kind = PATH, .owner = s, .arc = p->n_arcs,
                       .n_arcs = n};
    uint32_t *bigger = atm_arena_grow(p->arena, p->arcs, &p->cap_arcs,
                                      p->n_arcs + n, sizeof(*bigger));

    if (!bigger) {
        p->failed = true;
        return;
    }
    p->arcs = bigger;
    memcpy(p->arcs + p->n_arcs, arc, n * sizeof(*arc));
    p->n_arcs += n;
    (void)add_column(p, &c);
}

/* Number of paths, at most PATHS_MAX + 1. */
static uint32_t count_paths(const struct atm__path_graph *g, uint32_t *count)
{
    uint32_t i;

    memset(count, 0, g->n_nodes * sizeof(*count));
    count[0] = 1;
    for (i = 0; i < g->n_arcs; i++) {
        uint32_t *to = &count[g->arc[i].to];

        *to += count[g->arc[i].from];
        *to = *to > PATHS_MAX + 1 ? PATHS_MAX + 1 : *to;
    }
    return count[g->n_nodes - 1];
}

/* All paths by depth-first search; few, and short. */
static void list_paths(struct atm__ilp *p, uint32_t s, uint32_t node,
                       uint32_t *stack, uint32_t depth)
{
    const struct atm__path_graph *g = &p->m->graph[s];
    uint32_t i;

    if (node == g->n_nodes - 1) {
        add_arcs(p, s, stack, depth);
        return;
    }
    for (i = 0; i < g->n_arcs; i++)
        if (g->arc[i].from == node) {
            stack[depth] = i;
            list_paths(p, s, g->arc[i].to, stack, depth + 1);
        }
}

/* (C1) */
static void add_storage(struct atm__ilp *p, uint32_t s, uint32_t *count,
                        uint32_t *stack)
{
    const struct atm__path_graph *g = &p->m->graph[s];
    uint32_t i, c, first = p->n_col + 1;
    int row;

    p->col_of[s] = first;
    if (count_paths(g, count) <= PATHS_MAX) {
        list_paths(p, s, 0, stack, 0);
        row = add_row(p, GLP_FX, 1);
        for (c = first; c <= p->n_col; c++)
            put(p, row, c, 1);
        return;
    }
    row = p->n_rows + 1;
    for (i = 0; i + 1 < g->n_nodes; i++)
        (void)add_row(p, GLP_FX, i == 0);
    for (i = 0; i < g->n_arcs; i++) {
        add_arcs(p, s, &i, 1);
        put(p, row + (int)g->arc[i].from, p->n_col, 1);
        if (g->arc[i].to + 1 < g->n_nodes)
            put(p, row + (int)g->arc[i].to, p->n_col, -1);
    }
}

/* (C2) (C3) (C4): the hull of the entries that fit. */
static void add_hull(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    uint32_t v, j, c, n_variants = m->p->kernel[k].n_variants;
    uint64_t set, every = ~UINT64_C(0);
    uint32_t first = p->n_col + 1, last;
    int row = add_row(p, GLP_FX, 1), extra;
    struct column e = {.kind = ENTRY, .owner = k};

    p->has_entries[k] = 1;

    for (v = 0; v < n_variants; v++) {
        every &= q->all[v];
        for (set = q->all[v];; set = (set - 1) & q->all[v]) {
            if (atm__kernel_seconds(m, k, v, set) >= 0 &&
                atm__entry_fits(m, k, v, set, m->budget)) {
                e.variant = v;
                e.slow = set;
                e.bytes = (int64_t)m->p->kernel[k].variant[v].scratch_bytes;
                put(p, row, add_column(p, &e), 1);
            }
            if (set == 0)
                break;
        }
    }
    last = p->n_col;
    for (j = 0; j < q->n; j++) {
        struct link *l = &p->link[k][j];

        l->row[0] = add_row(p, GLP_FX, 0);
        l->factor = -1;
        for (c = first; c <= last; c++)
            if (p->col[c].slow >> j & 1)
                put(p, l->row[0], c, 1);
        if (every >> j & 1)
            continue;
        extra = add_row(p, GLP_UP, 0);
        c = add_column(p, &(struct column){.kind = UNREAD, .owner = k,
                                           .slow = j});
        put(p, l->row[0], c, 1);
        put(p, extra, c, 1);
        for (c = first; c <= last; c++)
            if (!(q->all[p->col[c].variant] >> j & 1))
                put(p, extra, c, -1);
    }
}

/* (C5): the whole table of two operands; bit j of the set is use j. */
static void add_product(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    double f0 = atm__kernel_seconds(m, k, 0, 0);
    double f1 = atm__kernel_seconds(m, k, 0, 1);
    double f2 = atm__kernel_seconds(m, k, 0, 2);
    double q = atm__kernel_seconds(m, k, 0, 3) - f1 - f2 + f0;
    struct link *l = p->link[k];
    uint32_t c;

    p->constant += f0;
    l[0].linear = f1 - f0;
    l[1].linear = f2 - f0;
    if (q == 0)
        return;
    c = add_column(p, &(struct column){.kind = PRODUCT, .owner = k,
                                       .seconds = q});
    l[0].factor = l[1].factor = -1;
    l[0].row[0] = add_row(p, q > 0 ? GLP_LO : GLP_UP, q > 0 ? -1 : 0);
    put(p, l[0].row[0], c, 1);
    l[1].row[0] = l[0].row[0];
    if (q < 0) {
        l[1].row[0] = add_row(p, GLP_UP, 0);
        put(p, l[1].row[0], c, 1);
    }
}

/* (C6): many operands, an under-estimate; the plan's own seconds are exact.
 * Forbidden slow operands are kept fast by a row. */
static void add_many(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm_table *t = &m->p->kernel[k].variant[0].t;
    const uint32_t *bit = m->kernel[k].bit[0];
    double least = INFINITY;
    uint32_t j, v, c = 0;
    uint64_t set;
    int row = 0;

    if (t->list || m->p->kernel[k].n_variants > 1) {
        for (v = 0; v < m->p->kernel[k].n_variants; v++) {
            const struct atm_table *w = &m->p->kernel[k].variant[v].t;

            for (set = 0; w->list && set < UINT64_C(1) << w->n; set++)
                if (w->list[set] >= 0 && w->list[set] < least)
                    least = w->list[set];
            if (!w->list)
                least = fmin(least, w->base);
        }
        p->constant += least;
        return;
    }
    p->constant += t->base;
    if (!t->sum) {
        c = add_column(p, &(struct column){.kind = MOST, .owner = k});
        row = add_row(p, GLP_LO, -t->base * p->cost_scale);
        put(p, row, c, 1);
    }
    for (j = 0; j < t->n; j++) {
        struct link *l = &p->link[k][bit[j]];

        if (t->slow[j] < 0) {
            l->row[0] = add_row(p, GLP_FX, 0);
            l->factor = -1;
            continue;
        }
        l->linear += t->latency[j] + (t->sum ? t->slow[j] : 0);
        if (!t->sum && l->row[0] == 0) {
            l->row[0] = row;
            l->factor = -t->slow[j] * p->cost_scale;
        }
    }
}

static void add_kernel(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    uint64_t set, n = q->n <= 2 ? UINT64_C(1) << q->n : 0;
    bool whole = q->n <= 2 && m->p->kernel[k].n_variants == 1;

    for (set = 0; set < n && whole; set++)
        whole = atm__kernel_seconds(m, k, 0, set) >= 0 &&
                atm__entry_fits(m, k, 0, set, m->budget);
    if (q->n > HULL_MAX) {
        add_many(p, k);
    } else if (!whole) {
        add_hull(p, k);
    } else if (q->n == 2) {
        add_product(p, k);
    } else {
        p->constant += atm__kernel_seconds(m, k, 0, 0);
        if (q->n == 1)
            p->link[k][0].linear = atm__kernel_seconds(m, k, 0, 1) -
                                   atm__kernel_seconds(m, k, 0, 0);
    }
}

/* (C7) (C8) (C9) */
static void add_pairs(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    const struct atm__kernel *q = &m->kernel[k];
    uint32_t i, j, c, n;
    int row;

    p->alpha[k] = atm_arena_array(p->arena, pk->n_pairs, sizeof(int));
    p->beta[k] = atm_arena_array(p->arena, pk->n_pairs, sizeof(int));
    if (!p->alpha[k] || !p->beta[k]) {
        p->failed = true;
        return;
    }
    for (i = 0; i < pk->n_pairs && i < 64; i++) {
        uint32_t in = pk->operand[pk->pair[i].in];
        uint32_t a = atm__use_index(m, k, m->st.of[in]);
        uint32_t b = atm__use_index(m, k, m->st.of[pk->operand[
                                              pk->n_in + pk->pair[i].out]]);

        if (pk->pair[i].must || a == q->n || b == q->n ||
            ((q->must >> a | q->must >> b) & 1))
            continue;
        c = add_column(p, &(struct column){
                              .kind = SHARE, .owner = k, .slow = i,
                              .bytes = -(int64_t)m->p->tensor[in].bytes});
        p->alpha[k][i] = add_row(p, GLP_UP, 0);
        p->beta[k][i] = add_row(p, GLP_UP, 0);
        put(p, p->alpha[k][i], c, 1);
        put(p, p->beta[k][i], c, 1);
    }
    for (j = 0; j < q->n; j++) {
        uint32_t first = 0;

        for (n = 0, row = 0, c = p->n_col; c > 0 && p->col[c].owner == k &&
                            p->col[c].kind == SHARE; c--) {
            const struct atm_problem_pair *pair = &pk->pair[p->col[c].slow];
            uint32_t s = q->use[j].storage;

            if (m->st.of[pk->operand[pair->in]] != s &&
                m->st.of[pk->operand[pk->n_in + pair->out]] != s)
                continue;
            if (++n == 1) {
                first = c;
                continue;
            }
            if (n == 2) {
                row = add_row(p, GLP_UP, 1);
                put(p, row, first, 1);
            }
            put(p, row, c, 1);
        }
    }
}

/* Cost and rows of a path column. */
static double fill_path(struct atm__ilp *p, uint32_t c)
{
    const struct atm__model *m = p->m;
    uint32_t s = p->col[c].owner, i, j;
    double cost = 0;

    for (i = 0; i < p->col[c].n_arcs; i++) {
        const struct atm__arc *arc =
            &m->graph[s].arc[p->arcs[p->col[c].arc + i]];
        const struct atm_problem_kernel *pk;
        const struct link *l;
        uint32_t k;

        cost += arc->seconds;
        if (arc->station == ATM_NONE)
            continue;
        k = m->st.s[s].kernel[arc->station];
        pk = &m->p->kernel[k];
        l = &p->link[k][atm__use_index(m, k, s)];
        if (!arc->fast) {
            cost += l->linear;
            if (l->row[0])
                put(p, l->row[0], c, l->factor);
        }
        for (j = 0; j < pk->n_pairs && j < 64 && arc->fast; j++) {
            if (!p->alpha[k][j])
                continue;
            if (arc->give && m->st.of[pk->operand[pk->pair[j].in]] == s)
                put(p, p->alpha[k][j], c, -1);
            if (m->st.of[pk->operand[pk->n_in + pk->pair[j].out]] == s)
                put(p, p->beta[k][j], c, -1);
        }
    }
    return cost;
}

static void set_column(struct atm__ilp *p, uint32_t c, double seconds)
{
    bool boxed = p->col[c].kind != MOST;

    glp_set_obj_coef(p->lp, (int)c, seconds * p->cost_scale);
    glp_set_col_bnds(p->lp, (int)c, boxed ? GLP_DB : GLP_LO, 0, 1);
}

static double column_seconds(struct atm__ilp *p, uint32_t c)
{
    const struct atm__model *m = p->m;
    const struct column *q = &p->col[c];

    switch (q->kind) {
    case PATH:
        return fill_path(p, c);
    case ENTRY:
        return atm__kernel_seconds(m, q->owner, q->variant, q->slow);
    case PRODUCT:
        return q->seconds;
    case MOST:
        return 1 / p->cost_scale;
    case UNREAD:
    case SHARE:
        break;
    }
    return 0;
}

static void scales(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    double sum = 0, t;
    uint64_t most = 1;
    uint32_t i;

    for (i = 0; i < m->p->n_kernels; i++) {
        t = atm__kernel_seconds(m, i, 0, 0);
        sum += t > 0 ? t : 0;
    }
    for (i = 0; i < m->st.n; i++) {
        most = m->st.s[i].bytes > most ? m->st.s[i].bytes : most;
        sum += (m->st.s[i].fetch_s + m->st.s[i].evict_s) / 4;
    }
    p->cost_scale = sum > 0 ? 100.0 * m->p->n_kernels / sum : 1;
    p->byte_scale = 8.0 / (double)most;
}

static bool build(struct atm__ilp *p, struct atm_arena *tmp)
{
    const struct atm__model *m = p->m;
    uint32_t i, c, nodes = 1, arcs = 0, n = m->p->n_kernels;
    uint32_t *count, *stack;

    for (i = 0; i < m->st.n; i++) {
        nodes = m->graph[i].n_nodes > nodes ? m->graph[i].n_nodes : nodes;
        p->arc_of[i] = arcs;
        arcs += m->graph[i].n_arcs;
    }
    p->arc_of[m->st.n] = arcs;
    count = atm_arena_array(tmp, nodes, sizeof(*count));
    stack = atm_arena_array(tmp, nodes, sizeof(*stack));
    if (!count || !stack)
        return false;
    scales(p);
    for (i = 0; i < m->st.n; i++)
        add_storage(p, i, count, stack);
    p->col_of[m->st.n] = p->n_col + 1;
    for (i = 0; i < n; i++) {
        p->link[i] = atm_arena_array(p->arena, m->kernel[i].n,
                                     sizeof(**p->link));
        if (!p->link[i])
            return false;
        add_kernel(p, i);
        add_pairs(p, i);
    }
    (void)glp_add_cols(p->lp, (int)p->n_col);
    glp_set_obj_coef(p->lp, 0, p->constant * p->cost_scale);
    for (c = 1; c <= p->n_col && !p->failed; c++)
        set_column(p, c, column_seconds(p, c));
    if (p->failed)
        return false;
    glp_load_matrix(p->lp, (int)p->nt, p->ti, p->tj, p->tv);
    return true;
}

enum atm_status atm__ilp_new(const struct atm__model *m,
                             struct atm__ilp **ilp)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__ilp *p = arena ? atm_arena_alloc(arena, sizeof(*p)) : NULL;
    struct atm_arena *volatile tmp = NULL;
    size_t n = m->p->n_kernels;
    bool ok;

    *ilp = NULL;
    if (!p) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    p->m = m;
    p->arena = arena;
    p->link = atm_arena_array(arena, n, sizeof(*p->link));
    p->alpha = atm_arena_array(arena, n, sizeof(*p->alpha));
    p->beta = atm_arena_array(arena, n, sizeof(*p->beta));
    p->col_of = atm_arena_array(arena, m->st.n + 1, 4);
    p->arc_of = atm_arena_array(arena, m->st.n + 1, 4);
    p->has_fast = atm_arena_array(arena, n, 1);
    p->has_slow = atm_arena_array(arena, 3 * n, 1);
    p->has_entries = atm_arena_array(arena, n, 1);
    p->use = atm_arena_array(arena, n + 1, sizeof(double));
    p->slow_use = atm_arena_array(arena, 3 * n + 1, sizeof(double));
    p->dense = atm_arena_array(arena, m->st.n, sizeof(double));
    p->sorted = atm_arena_array(arena, m->st.n, 4);
    tmp = atm_arena_new();
    alive++;
    *ilp = p;
    if (!p->link || !p->alpha || !p->beta || !p->col_of || !p->arc_of ||
        !p->has_fast || !p->has_slow || !p->has_entries || !p->use ||
        !p->slow_use || !p->dense || !p->sorted || !tmp) {
        atm_arena_delete(tmp);
        atm__ilp_delete(ilp);
        return ATM_NOMEM;
    }
    (void)glp_term_out(GLP_OFF);
    if (setjmp(escape)) {
        enum atm_status st = died(*ilp);

        atm_arena_delete(tmp);
        atm__ilp_delete(ilp);
        return st;
    }
    glp_error_hook(on_error, NULL);
    p->lp = glp_create_prob();
    ok = build(p, tmp);
    if (ok) {
        glp_scale_prob(p->lp, GLP_SF_AUTO);
        glp_cpx_basis(p->lp);
        p->x = atm_arena_array(p->arena, p->n_col + 1, sizeof(double));
        p->val = atm_arena_array(p->arena, p->n_col + 1, sizeof(double));
        p->ind = atm_arena_array(p->arena, p->n_col + 1, sizeof(int));
        ok = p->x && p->val && p->ind;
    }
    glp_error_hook(NULL, NULL);
    atm_arena_delete(tmp);
    if (!ok) {
        atm__ilp_delete(ilp);
        return atm_fail(ATM_NOMEM, "out of memory: the linear program");
    }
    return ATM_OK;
}

void atm__ilp_delete(struct atm__ilp **ilp)
{
    struct atm__ilp *p = *ilp;

    if (!p)
        return;
    if (p->lp && !p->dead)
        glp_delete_prob(p->lp);
    if (--alive == 0)
        (void)glp_free_env();
    atm_arena_delete(p->arena);
    *ilp = NULL;
}

/* ---- lazy rows ---- */

static bool covers(const struct atm__ilp *p, uint32_t c, uint32_t k)
{
    const struct atm__model *m = p->m;
    uint32_t s = p->col[c].owner, i;

    for (i = 0; i < p->col[c].n_arcs; i++) {
        const struct atm__arc *arc =
            &m->graph[s].arc[p->arcs[p->col[c].arc + i]];

        if ((k >= arc->from_kernel && k < arc->to_kernel) ||
            (arc->station != ATM_NONE && arc->fast &&
             m->st.s[s].kernel[arc->station] == k))
            return true;
    }
    return false;
}

static bool covers_slow(const struct atm__ilp *p, uint32_t c, uint32_t phase)
{
    const struct atm__path_graph *g = &p->m->graph[p->col[c].owner];
    uint32_t i;

    for (i = 0; i < p->col[c].n_arcs; i++) {
        const struct atm__arc *arc = &g->arc[p->arcs[p->col[c].arc + i]];

        if (phase >= arc->from_phase && phase < arc->to_phase)
            return true;
    }
    return false;
}

/* Coefficient of column c in a lazy row. */
static double coefficient(const struct atm__ilp *p, const struct lazy *l,
                          uint32_t c, uint32_t at)
{
    const struct column *q = &p->col[c];

    switch (l->kind) {
    case FAST_ROW:
        if (q->kind == PATH)
            return covers(p, c, l->at)
                       ? (double)p->m->st.s[q->owner].bytes * p->byte_scale
                       : 0;
        return (q->kind == ENTRY || q->kind == SHARE) && q->owner == l->at
                   ? (double)q->bytes * p->byte_scale
                   : 0;
    case SLOW_ROW:
        return q->kind == PATH && covers_slow(p, c, l->at)
                   ? (double)p->m->st.s[q->owner].bytes * p->byte_scale
                   : 0;
    case COVER:
        break;
    }
    return at < l->n && covers(p, c, l->at) ? (double)l->a[at] : 0;
}

/* Scratch of kernels without entry columns, off the limit of their row. */
static double row_limit(const struct atm__ilp *p, const struct lazy *l)
{
    const struct atm_problem_kernel *k;
    uint64_t scratch, i, limit;

    if (l->kind == COVER)
        return (double)l->b;
    if (l->kind == SLOW_ROW)
        return (double)p->m->p->slow_bytes * p->byte_scale;
    limit = p->limit ? p->limit[l->at] : p->m->budget;
    k = &p->m->p->kernel[l->at];
    scratch = k->variant[0].scratch_bytes;
    for (i = 1; i < k->n_variants; i++)
        if (k->variant[i].scratch_bytes < scratch)
            scratch = k->variant[i].scratch_bytes;
    if (p->has_entries[l->at])
        return (double)limit * p->byte_scale;
    return ((double)limit - (double)scratch) * p->byte_scale;
}

static void add_lazy(struct atm__ilp *p, struct lazy l)
{
    struct lazy *bigger = atm_arena_grow(p->arena, p->lazy, &p->cap_lazy,
                                         p->n_lazy + 1, sizeof(*bigger));
    uint32_t c, i;
    int n = 0;
    double v;

    if (!bigger) {
        p->failed = true;
        return;
    }
    p->lazy = bigger;
    l.row = glp_add_rows(p->lp, 1);
    if (l.kind == COVER) {
        for (i = 0; i < l.n; i++)
            for (c = p->col_of[l.storage[i]]; c < p->col_of[l.storage[i] + 1];
                 c++) {
                v = coefficient(p, &l, c, i);
                if (v != 0) {
                    p->ind[++n] = (int)c;
                    p->val[n] = v;
                }
            }
    } else {
        for (c = 1; c <= p->n_col; c++) {
            v = coefficient(p, &l, c, 0);
            if (v != 0) {
                p->ind[++n] = (int)c;
                p->val[n] = v;
            }
        }
    }
    glp_set_mat_row(p->lp, l.row, n, p->ind, p->val);
    glp_set_row_bnds(p->lp, l.row, GLP_UP, 0, row_limit(p, &l));
    if (p->in_tree)
        return; /* rows of a node go with it */
    if (l.kind == FAST_ROW)
        p->has_fast[l.at] = 1;
    if (l.kind == SLOW_ROW)
        p->has_slow[l.at] = 1;
    p->lazy[p->n_lazy++] = l;
}

/* Bytes that the point x holds per kernel (without the scratch of the kernels
 * that have no entry columns) and per phase. */
static void measure(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    uint32_t n = m->p->n_kernels, c, i;

    memset(p->use, 0, (n + 1) * sizeof(*p->use));
    memset(p->slow_use, 0, (3 * n + 1) * sizeof(*p->slow_use));
    for (c = 1; c < p->col_of[m->st.n]; c++) {
        uint32_t s = p->col[c].owner;
        double b = p->x[c] * (double)m->st.s[s].bytes;

        if (p->x[c] < 1e-9)
            continue;
        for (i = 0; i < p->col[c].n_arcs; i++) {
            const struct atm__arc *arc =
                &m->graph[s].arc[p->arcs[p->col[c].arc + i]];

            if (arc->from_kernel < arc->to_kernel) {
                p->use[arc->from_kernel] += b;
                p->use[arc->to_kernel] -= b;
            }
            if (arc->station != ATM_NONE && arc->fast) {
                p->use[m->st.s[s].kernel[arc->station]] += b;
                p->use[m->st.s[s].kernel[arc->station] + 1] -= b;
            }
            p->slow_use[arc->from_phase] += b;
            p->slow_use[arc->to_phase] -= b;
        }
    }
    for (i = 1; i < n; i++)
        p->use[i] += p->use[i - 1];
    for (i = 1; i < 3 * n; i++)
        p->slow_use[i] += p->slow_use[i - 1];
    for (; c <= p->n_col; c++)
        p->use[p->col[c].owner] += (double)p->col[c].bytes * p->x[c];
}

static double excess_at(const struct atm__ilp *p, uint32_t k)
{
    struct lazy l = {.kind = FAST_ROW, .at = k};
    double limit = row_limit(p, &l) / p->byte_scale;
    double e = p->use[k] - limit;

    return e > (p->in_tree ? 1e-6 : 1e-7) * (limit > 1 ? limit : 1) ? e : 0;
}

/* Adds the most violated rows that are local maxima; false: none violated. */
static bool add_violated(struct atm__ilp *p)
{
    uint32_t n = p->m->p->n_kernels, k, j, added = 0, pass, round;
    double slow = (double)p->m->p->slow_bytes;
    bool violated = false;

    measure(p);
    for (k = 0; k < n; k++) /* row_limit once a kernel */
        p->use[k] = p->has_fast[k] && !p->in_tree ? 0 : excess_at(p, k);
    for (pass = 0; pass < 2 && added == 0; pass++)
        for (round = 0; round < ROWS_A_ROUND; round++) {
            uint32_t worst = ATM_NONE;

            for (k = 0; k < n; k++) {
                bool top = p->use[k] > 0;

                for (j = k > 8 ? k - 8 : 0; j < n && j <= k + 8 && top &&
                                            pass == 0; j++)
                    top = p->use[j] <= p->use[k];
                if (top && (worst == ATM_NONE || p->use[k] > p->use[worst]))
                    worst = k;
            }
            if (worst == ATM_NONE)
                break;
            add_lazy(p, (struct lazy){.kind = FAST_ROW, .at = worst});
            for (j = worst > 8 ? worst - 8 : 0; j < n && j <= worst + 8; j++)
                p->use[j] = 0;
            added++;
        }
    for (k = 0; k < 3 * n && p->m->slow_limited && added < ROWS_A_ROUND; k++)
        if ((p->in_tree || !p->has_slow[k]) &&
            p->slow_use[k] > slow + 1e-6 * (slow > 1 ? slow : 1) &&
            (k == 0 || p->slow_use[k] > p->slow_use[k - 1] + 1e-9 ||
             p->has_slow[k - 1])) {
            add_lazy(p, (struct lazy){.kind = SLOW_ROW, .at = k});
            added++;
        }
    violated = added > 0;
    return violated && !p->failed;
}

/* ---- lifted covers (Balas 1975) ---- */

/* May storages a and b be a may pair of kernel k? */
static bool may_pair(const struct atm__model *m, uint32_t k, uint32_t a,
                     uint32_t b)
{
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    uint32_t i;

    for (i = 0; i < pk->n_pairs; i++) {
        uint32_t in = m->st.of[pk->operand[pk->pair[i].in]];
        uint32_t out = m->st.of[pk->operand[pk->n_in + pk->pair[i].out]];

        if (!pk->pair[i].must && ((in == a && out == b) ||
                                  (in == b && out == a)))
            return true;
    }
    return false;
}

static uint64_t capacity_for_cover(const struct atm__model *m, uint32_t k)
{
    uint64_t scratch = UINT64_MAX, v;

    for (v = 0; v < m->p->kernel[k].n_variants; v++)
        if (m->p->kernel[k].variant[v].scratch_bytes < scratch)
            scratch = m->p->kernel[k].variant[v].scratch_bytes;
    return m->budget > scratch ? m->budget - scratch : 0;
}

/* Can storage s be in fast memory at kernel k at all? */
static bool can_cover(const struct atm__ilp *p, uint32_t s, uint32_t k)
{
    const struct atm_storage *st = &p->m->st.s[s];

    return st->n_stations &&
           (st->arg || (k >= st->kernel[0] &&
                        (st->out || k <= st->kernel[st->n_stations - 1])));
}

static double cover_key(const struct atm__ilp *p, uint32_t s, int way)
{
    double miss = 1 - p->dense[s], size = (double)p->m->st.s[s].bytes;

    return way == 0 ? miss / size : way == 1 ? miss : -size;
}

struct key {
    const struct atm__ilp *p;
    int way;
};

static int by_key(const void *a, const void *b, void *arg)
{
    const struct key *key = arg;
    uint32_t s = *(const uint32_t *)a, t = *(const uint32_t *)b;
    double x = cover_key(key->p, s, key->way);
    double y = cover_key(key->p, t, key->way);

    return x < y ? -1 : x > y ? 1 : s < t ? -1 : s > t;
}

/* A minimal cover of kernel k in sorted[0..n); returns its size or 0. */
static uint32_t find_cover(struct atm__ilp *p, uint32_t k, uint32_t n, int way,
                           uint32_t *cover)
{
    const struct atm__model *m = p->m;
    uint64_t sum = 0, capacity = capacity_for_cover(m, k);
    uint32_t i, j, c = 0, kept = 0;

    qsort_r(p->sorted, n, sizeof(*p->sorted), by_key,
            &(struct key){p, way});
    for (i = 0; i < n && sum <= capacity && c < 64; i++) {
        for (j = 0; j < c && !may_pair(m, k, cover[j], p->sorted[i]); j++)
            ;
        if (j < c)
            continue;
        cover[c++] = p->sorted[i];
        sum += m->st.s[p->sorted[i]].bytes;
    }
    if (sum <= capacity)
        return 0;
    /* drop what is not needed, least in the point first: kept in the order
     * of the key, so from behind */
    for (i = c; i-- > 0;)
        if (sum - m->st.s[cover[i]].bytes > capacity) {
            sum -= m->st.s[cover[i]].bytes;
            cover[i] = ATM_NONE;
        }
    for (i = 0; i < c; i++)
        if (cover[i] != ATM_NONE)
            cover[kept++] = cover[i];
    return kept;
}

struct cut {
    struct lazy lazy;
    double violation;
};

/* The lifted inequality of a cover; violation in *v. */
static bool lift(struct atm__ilp *p, uint32_t k, uint32_t *cover, uint32_t n,
                 struct atm_arena *arena, struct cut *cut)
{
    const struct atm__model *m = p->m;
    uint32_t i, j, s, t;
    uint64_t sum;
    double lhs = 0;

    for (i = 1; i < n; i++) /* by size, the largest first */
        for (j = i; j > 0 && m->st.s[cover[j]].bytes >
                                 m->st.s[cover[j - 1]].bytes; j--) {
            t = cover[j];
            cover[j] = cover[j - 1];
            cover[j - 1] = t;
        }
    cut->lazy = (struct lazy){.kind = COVER, .at = k, .b = (int64_t)n - 1};
    cut->lazy.storage = atm_arena_array(arena, m->st.n, 4);
    cut->lazy.a = atm_arena_array(arena, m->st.n, sizeof(int64_t));
    if (!cut->lazy.storage || !cut->lazy.a)
        return false;
    for (s = 0; s < m->st.n; s++) {
        int64_t a = 0;

        for (i = 0; i < n && cover[i] != s; i++)
            ;
        if (i < n) {
            a = 1;
        } else if (can_cover(p, s, k)) {
            for (i = 0, sum = 0; i < n; i++) {
                sum += m->st.s[cover[i]].bytes;
                if (m->st.s[s].bytes >= sum)
                    a = (int64_t)i + 1;
            }
            for (i = 0; i < cut->lazy.n && a; i++)
                if (may_pair(m, k, cut->lazy.storage[i], s))
                    a = 0;
            for (i = 0; i < n && a; i++)
                if (may_pair(m, k, cover[i], s))
                    a = 0;
        }
        if (!a)
            continue;
        cut->lazy.storage[cut->lazy.n] = s;
        cut->lazy.a[cut->lazy.n++] = a;
        lhs += (double)a * p->dense[s];
    }
    cut->violation = lhs - (double)(n - 1);
    return cut->violation > 1e-3;
}

/* One round of separation; the number of cuts added. */
static uint32_t separate(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    struct cut *found = atm_arena_array(p->arena, CUTS_A_ROUND, sizeof(*found));
    uint32_t k, c, i, j, n, n_found = 0, cover[64];
    int way;

    measure(p);
    for (k = 0; k < m->p->n_kernels && found; k++) {
        struct lazy l = {.kind = FAST_ROW, .at = k};
        bool fractional = false;

        if (p->use[k] * p->byte_scale < 0.97 * row_limit(p, &l))
            continue;
        memset(p->dense, 0, m->st.n * sizeof(*p->dense));
        for (c = 1; c < p->col_of[m->st.n]; c++)
            if (p->x[c] > 1e-6 && covers(p, c, k))
                p->dense[p->col[c].owner] += p->x[c];
        for (i = n = 0; i < m->st.n; i++)
            if (p->dense[i] > 1e-6 && m->st.s[i].bytes) {
                fractional |= p->dense[i] < 1 - 1e-6;
                p->sorted[n++] = i;
            }
        for (way = 0; way < 3 && fractional; way++) {
            struct cut cut;
            uint32_t size = find_cover(p, k, n, way, cover);
            bool known = false;

            if (size < 2 || !lift(p, k, cover, size, p->arena, &cut))
                continue;
            for (i = 0; i < n_found && !known; i++)
                known = found[i].lazy.n == cut.lazy.n &&
                        found[i].lazy.b == cut.lazy.b &&
                        memcmp(found[i].lazy.storage, cut.lazy.storage,
                               cut.lazy.n * 4) == 0;
            if (known)
                continue;
            for (i = n_found; i > 0 &&
                              found[i - 1].violation < cut.violation; i--)
                if (i < CUTS_A_ROUND)
                    found[i] = found[i - 1];
            if (i < CUTS_A_ROUND) {
                found[i] = cut;
                n_found += n_found < CUTS_A_ROUND;
            }
        }
    }
    for (j = 0; j < n_found; j++)
        add_lazy(p, found[j].lazy);
    return n_found;
}

/* ---- solving ---- */

static double price(const struct atm__ilp *p, int row)
{
    return row ? glp_get_row_dual(p->lp, row) / p->cost_scale : 0;
}

static enum atm_status operand_prices(struct atm__ilp *p,
                                      struct atm_certificate *c)
{
    const struct atm__model *m = p->m;
    uint32_t k, j, n = 0;

    for (k = 0; k < m->p->n_kernels; k++)
        n += m->kernel[k].n;
    c->operand = atm_arena_array(p->arena, n, sizeof(*c->operand));
    if (!c->operand)
        return ATM_NOMEM;
    for (k = 0; k < m->p->n_kernels; k++)
        for (j = 0; j < m->kernel[k].n; j++) {
            const struct link *l = &p->link[k][j];
            double v = l->linear - l->factor * price(p, l->row[0]);

            if (v != 0)
                c->operand[c->n_operand++] = (struct atm_price_operand){
                    k, m->kernel[k].use[j].position, v};
        }
    return ATM_OK;
}

static enum atm_status pair_prices(struct atm__ilp *p,
                                   struct atm_certificate *c)
{
    const struct atm_problem *q = p->m->p;
    uint32_t k, j, n = 0;

    for (k = 0; k < q->n_kernels; k++)
        n += q->kernel[k].n_pairs;
    c->pair = atm_arena_array(p->arena, n, sizeof(*c->pair));
    if (!c->pair)
        return ATM_NOMEM;
    for (k = 0; k < q->n_kernels; k++)
        for (j = 0; j < q->kernel[k].n_pairs && j < 64; j++) {
            double a = fmax(0, -price(p, p->alpha[k][j]));
            double b = fmax(0, -price(p, p->beta[k][j]));

            if (a > 0 || b > 0)
                c->pair[c->n_pair++] = (struct atm_price_pair){k, j, a, b};
        }
    return ATM_OK;
}

static enum atm_status prices(struct atm__ilp *p, struct atm_certificate *c)
{
    const struct atm__model *m = p->m;
    enum atm_status st;
    uint32_t i, j;

    memset(c, 0, sizeof(*c));
    c->budget = m->budget;
    c->memory = atm_arena_array(p->arena, p->n_lazy, sizeof(*c->memory));
    c->slow_memory = atm_arena_array(p->arena, p->n_lazy,
                                     sizeof(*c->slow_memory));
    c->knapsack = atm_arena_array(p->arena, p->n_lazy, sizeof(*c->knapsack));
    if (!c->memory || !c->slow_memory || !c->knapsack)
        return ATM_NOMEM;
    for (i = 0; i < p->n_lazy; i++) {
        const struct lazy *l = &p->lazy[i];
        double v = -price(p, l->row);
        struct atm_price_knapsack *q = &c->knapsack[c->n_knapsack];

        if (!(v > 0))
            continue;
        if (l->kind == FAST_ROW)
            c->memory[c->n_memory++] =
                (struct atm_price){l->at, v * p->byte_scale};
        if (l->kind == SLOW_ROW)
            c->slow_memory[c->n_slow_memory++] =
                (struct atm_price){l->at, v * p->byte_scale};
        if (l->kind != COVER)
            continue;
        *q = (struct atm_price_knapsack){.kernel = l->at, .nu = v, .b = l->b,
                                         .n = l->n, .a = l->a};
        q->tensor = atm_arena_array(p->arena, l->n, sizeof(*q->tensor));
        if (!q->tensor)
            return ATM_NOMEM;
        for (j = 0; j < l->n; j++)
            q->tensor[j] = m->st.s[l->storage[j]].tensor[0];
        c->n_knapsack++;
    }
    st = operand_prices(p, c);
    return st ? st : pair_prices(p, c);
}

/* One warm solve; false: infeasible. */
static bool simplex(struct atm__ilp *p)
{
    glp_smcp s;
    uint32_t c;
    int code;

    glp_init_smcp(&s);
    s.msg_lev = GLP_MSG_OFF;
    s.meth = GLP_DUALP;
    s.pricing = GLP_PT_PSE;
    s.r_test = GLP_RT_FLIP;
    s.presolve = GLP_OFF;
    s.it_lim = ITERATIONS_MAX;
    code = glp_simplex(p->lp, &s);
    if (code != 0 && code != GLP_EITLIM) {
        /* a singular basis: from a fresh one */
        glp_std_basis(p->lp);
        s.r_test = GLP_RT_HAR;
        (void)glp_simplex(p->lp, &s);
    }
    for (c = 1; c <= p->n_col; c++)
        p->x[c] = glp_get_col_prim(p->lp, (int)c);
    return glp_get_dual_stat(p->lp) != GLP_NOFEAS &&
           glp_get_prim_stat(p->lp) == GLP_FEAS;
}

static enum atm_status results(struct atm__ilp *p, struct atm__lp *r)
{
    uint32_t c, i;

    if (!r->arc_weight)
        r->arc_weight = atm_arena_array(p->arena, p->arc_of[p->m->st.n],
                                        sizeof(double));
    if (!r->arc_weight)
        return ATM_NOMEM;
    memset(r->arc_weight, 0, p->arc_of[p->m->st.n] * sizeof(double));
    for (c = 1; c < p->col_of[p->m->st.n]; c++)
        for (i = 0; i < p->col[c].n_arcs; i++)
            r->arc_weight[p->arc_of[p->col[c].owner] +
                          p->arcs[p->col[c].arc + i]] += p->x[c];
    r->bound = glp_get_obj_val(p->lp) / p->cost_scale;
    return prices(p, &r->certificate);
}

static enum atm_status solve(struct atm__ilp *p, bool cuts, struct atm__lp *r)
{
    uint32_t round, cut_rounds = 0, i;

    for (i = 0; i < p->n_lazy; i++)
        glp_set_row_bnds(p->lp, p->lazy[i].row, GLP_UP, 0,
                         row_limit(p, &p->lazy[i]));
    r->infeasible = false;
    for (round = 0; round < ROUNDS_MAX; round++) {
        if (!simplex(p)) {
            r->infeasible = true;
            return ATM_OK;
        }
        if (add_violated(p))
            continue;
        if (p->failed || !cuts || cut_rounds++ >= CUT_ROUNDS ||
            separate(p) == 0)
            break;
    }
    return p->failed ? atm_fail(ATM_NOMEM, "out of memory: rows")
                     : results(p, r);
}

enum atm_status atm__ilp_solve(struct atm__ilp *p, const uint64_t *limit,
                               bool cuts, struct atm__lp *r)
{
    enum atm_status st;

    if (p->dead)
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (setjmp(escape))
        return died(p);
    glp_error_hook(on_error, NULL);
    p->limit = limit;
    st = solve(p, cuts, r);
    glp_error_hook(NULL, NULL);
    return st;
}

/* ---- exclusions ---- */

/* Does a storage on these arcs have just this residence? Of at most 64
 * stations: exclusions are for small problems. */
static bool has_box(const struct atm__model *m, uint32_t s,
                    const uint32_t *path, uint32_t n,
                    const struct atm_box *box)
{
    const struct atm_storage *st = &m->st.s[s];
    uint32_t i, at, last = m->p->n_kernels - 1, count = st->n_stations;
    uint64_t fast = 0, keep = 0;

    for (i = 0; i < n; i++) {
        const struct atm__arc *arc = &m->graph[s].arc[path[i]];

        if (arc->resident)
            return box->first == 0 && box->last == last;
        at = arc->station;
        if (at != ATM_NONE && arc->fast)
            fast |= UINT64_C(1) << at;
        if (arc->keep)
            keep |= UINT64_C(1) << (at == ATM_NONE || at == 0 ? count - 1
                                                              : at - 1);
    }
    for (at = 0; at < count && st->kernel[at] != box->first; at++)
        ;
    if (at == count || !(fast >> at & 1) ||
        ((at > 0 || st->circle) && keep >> (at + count - 1) % count & 1))
        return false;
    for (i = 0; i < count && keep >> at & 1; i++) {
        if (at + 1 == count && !st->circle)
            return box->last == last;
        at = (at + 1) % count;
    }
    return st->kernel[at] == box->last;
}

static bool column_has(const struct atm__ilp *p, uint32_t c,
                       const struct atm_box *box)
{
    const struct column *q = &p->col[c];

    if (box->tensor == ATM_NONE)
        return q->kind == ENTRY && q->owner == box->kernel &&
               q->bytes >= (int64_t)box->bytes;
    return q->kind == PATH && p->m->st.of[box->tensor] == q->owner &&
           p->m->st.s[q->owner].n_stations <= 64 &&
           has_box(p->m, q->owner, p->arcs + q->arc, q->n_arcs, box);
}

static bool plan_has(const struct atm__model *m, const struct atm__plan *a,
                     const struct atm_box *box)
{
    const struct atm_problem_kernel *k;
    uint32_t s;

    if (box->tensor == ATM_NONE) {
        k = &m->p->kernel[box->kernel];
        return k->variant[a->variant[box->kernel]].scratch_bytes >=
               box->bytes;
    }
    s = m->st.of[box->tensor];
    return m->st.s[s].n_stations <= 64 &&
           has_box(m, s, a->path[s], a->n_path[s], box);
}

enum atm_status atm__ilp_exclude(struct atm__ilp *p,
                                 const struct atm_box *box, uint32_t n)
{
    struct exclusion *x = atm_arena_grow(p->arena, p->out, &p->cap_out,
                                         p->n_out + 1, sizeof(*x));
    uint32_t i, c;
    int row, at = 0;

    if (p->dead)
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    if (!x)
        return ATM_NOMEM;
    p->out = x;
    x = &p->out[p->n_out++];
    x->n = n;
    x->box = atm_arena_memdup(p->arena, box, n * sizeof(*box));
    if (!x->box)
        return ATM_NOMEM;
    if (setjmp(escape))
        return died(p);
    glp_error_hook(on_error, NULL);
    for (c = 1; c <= p->n_col; c++) {
        int count = 0;

        for (i = 0; i < n; i++)
            count += column_has(p, c, &box[i]);
        if (count) {
            p->ind[++at] = (int)c;
            p->val[at] = count;
        }
    }
    row = glp_add_rows(p->lp, 1);
    glp_set_mat_row(p->lp, row, at, p->ind, p->val);
    glp_set_row_bnds(p->lp, row, GLP_UP, 0, (double)n - 1);
    glp_error_hook(NULL, NULL);
    return ATM_OK;
}

bool atm__ilp_excludes(const struct atm__ilp *p, const struct atm__plan *a)
{
    uint32_t i, j;

    for (i = 0; i < p->n_out; i++) {
        for (j = 0; j < p->out[i].n; j++)
            if (!plan_has(p->m, a, &p->out[i].box[j]))
                break;
        if (j == p->out[i].n)
            return true;
    }
    return false;
}

/* ---- tree ---- */

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void take_plan(struct atm__ilp *p)
{
    double seconds = atm__plan_seconds(p->work);

    if (seconds < p->best_s && !atm__ilp_excludes(p, p->work)) {
        p->best_s = seconds;
        atm__plan_copy(p->best, p->work);
    }
}

/* The plan of an integer point, improved; kept if it is the best so far. */
static void take_point(struct atm__ilp *p)
{
    const struct atm__model *m = p->m;
    struct atm__plan *w = p->work;
    uint32_t s, c, i, j, n;

    for (s = 0; s < m->st.n; s++) {
        for (i = 0; i < m->graph[s].n_arcs; i++)
            w->arc_cost[i] = 1;
        for (c = p->col_of[s]; c < p->col_of[s + 1]; c++)
            for (j = 0; j < p->col[c].n_arcs; j++)
                w->arc_cost[p->arcs[p->col[c].arc + j]] -= p->x[c];
        (void)atm__shortest(&m->graph[s], w->arc_cost, w->arc_path, &n);
        memcpy(w->old_path, w->arc_path, n * sizeof(*w->old_path));
        if (w->n_path[s])
            atm__plan_remove(w, s);
        atm__plan_put(w, s, w->old_path, n);
    }
    for (c = p->col_of[m->st.n]; c <= p->n_col; c++)
        if (p->col[c].kind == ENTRY && p->x[c] > 0.5)
            atm__plan_choose(w, p->col[c].owner, p->col[c].variant);
    take_plan(p); /* as it is: the descent may end in what is excluded */
    if (!atm__plan_repair(w))
        return;
    atm__plan_descend(w, 1, 4);
    take_plan(p);
}

static void on_node(glp_tree *tree, void *info)
{
    struct atm__ilp *p = info;
    const struct atm_plan_options *o = p->options;
    glp_prob *lp;
    uint32_t c;
    int node, nodes;
    double bound, t;

    switch (glp_ios_reason(tree)) {
    case GLP_IROWGEN:
        lp = glp_ios_get_prob(tree);
        if (glp_get_status(lp) != GLP_OPT)
            break;
        for (c = 1; c <= p->n_col; c++)
            p->x[c] = glp_get_col_prim(lp, (int)c);
        (void)add_violated(p);
        break;
    case GLP_IBINGO:
        lp = glp_ios_get_prob(tree);
        for (c = 1; c <= p->n_col; c++)
            p->x[c] = glp_get_col_prim(lp, (int)c);
        take_point(p);
        break;
    default:
        break;
    }
    node = glp_ios_best_node(tree);
    if (node) {
        bound = glp_ios_node_bound(tree, node) / p->cost_scale;
        if (isfinite(bound) && bound > p->tree_bound)
            p->tree_bound = bound;
    }
    glp_ios_tree_size(tree, NULL, NULL, &nodes);
    t = now_s() - p->started;
    if (p->best_s - p->tree_bound <= o->gap_target * p->best_s ||
        nodes > TREE_NODES ||
        glp_get_it_cnt(p->lp) - p->start_it > TREE_ITERATIONS ||
        (o->time_limit_s > 0 && t > o->time_limit_s) || p->failed)
        glp_ios_terminate(tree);
    else if (o->progress && t - p->told > 1) {
        p->told = t;
        if (o->progress(o->user, t, p->best_s, p->tree_bound))
            glp_ios_terminate(tree);
    }
}

static void tree_row(struct atm__ilp *p, int n)
{
    int row = glp_add_rows(p->lp, 1);

    glp_set_mat_row(p->lp, row, n, p->ind, p->val);
    glp_set_row_bnds(p->lp, row, GLP_UP, 0, 0);
}

/* Path columns of use j of kernel k that are lost (or fetched) there; the
 * first entries of ind and val. */
static int path_columns(struct atm__ilp *p, uint32_t k, uint32_t j, bool lost)
{
    const struct atm__use *u = &p->m->kernel[k].use[j];
    uint32_t c, i;
    int n = 0;

    for (c = p->col_of[u->storage]; c < p->col_of[u->storage + 1]; c++)
        for (i = 0; i < p->col[c].n_arcs; i++) {
            const struct atm__arc *arc =
                &p->m->graph[u->storage].arc[p->arcs[p->col[c].arc + i]];

            if (arc->station == u->station &&
                (lost ? arc->lost : arc->fetch && arc->fast)) {
                p->ind[++n] = (int)c;
                p->val[n] = 1;
            }
        }
    return n;
}

/* (C13) what is lost is not read; (C14) what is fetched is read; (C15) only
 * operands of the variant share. Of variants that read different operands;
 * the prices of certificates do not know these rows, so that they come when
 * those are taken. */
static void add_tree_rows(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    const struct atm_problem_kernel *pk = &m->p->kernel[k];
    uint32_t v, j, c, way;
    uint64_t every = ~UINT64_C(0), bits;
    int n;

    for (v = 0; v < pk->n_variants; v++)
        every &= q->all[v];
    for (j = 0; j < q->n; j++)
        for (way = 0; way < 2 && !(every >> j & 1); way++) {
            n = path_columns(p, k, j, way == 0);
            for (c = p->col_of[m->st.n]; c <= p->n_col && n > 0; c++) {
                bool reads;

                if (p->col[c].kind != ENTRY || p->col[c].owner != k)
                    continue;
                reads = q->all[p->col[c].variant] >> j & 1;
                if (way == 0 ? !reads
                             : reads && !(p->col[c].slow >> j & 1)) {
                    p->ind[++n] = (int)c;
                    p->val[n] = -1;
                }
            }
            if (n > 0)
                tree_row(p, n);
        }
    for (c = p->col_of[m->st.n]; c <= p->n_col; c++) {
        uint32_t i;

        if (p->col[c].kind != SHARE || p->col[c].owner != k)
            continue;
        i = (uint32_t)p->col[c].slow;
        bits = UINT64_C(1) << atm__use_index(
                   m, k, m->st.of[pk->operand[pk->pair[i].in]]);
        bits |= UINT64_C(1) << atm__use_index(
                    m, k, m->st.of[pk->operand[pk->n_in + pk->pair[i].out]]);
        if ((every & bits) == bits)
            continue;
        n = 1;
        p->ind[1] = (int)c;
        p->val[1] = 1;
        for (j = p->col_of[m->st.n]; j <= p->n_col; j++)
            if (p->col[j].kind == ENTRY && p->col[j].owner == k &&
                (q->all[p->col[j].variant] & bits) == bits) {
                p->ind[++n] = (int)j;
                p->val[n] = -1;
            }
        tree_row(p, n);
    }
}

/* Which columns must be whole for a point to be a plan: paths, and entries
 * where variants differ. */
static void set_integers(struct atm__ilp *p)
{
    uint32_t c;

    for (c = 1; c <= p->n_col; c++)
        if (p->col[c].kind == PATH ||
            (p->col[c].kind == ENTRY &&
             p->m->p->kernel[p->col[c].owner].n_variants > 1))
            glp_set_col_kind(p->lp, (int)c, GLP_BV);
}

static void tree(struct atm__ilp *p)
{
    const struct atm_plan_options *o = p->options;
    glp_iocp c;
    double v;

    uint32_t k;

    for (k = 0; k < p->m->p->n_kernels && !p->has_tree_rows; k++)
        if (p->m->p->kernel[k].n_variants > 1 && p->has_entries[k])
            add_tree_rows(p, k);
    p->has_tree_rows = true;
    set_integers(p);
    if (!simplex(p))
        return;
    glp_init_iocp(&c);
    c.msg_lev = GLP_MSG_OFF;
    c.br_tech = GLP_BR_DTH;
    c.bt_tech = GLP_BT_BLB;
    c.gmi_cuts = c.cov_cuts = c.clq_cuts = GLP_ON;
    c.mir_cuts = GLP_OFF;
    c.presolve = GLP_OFF;
    c.mip_gap = o->gap_target;
    c.cb_func = on_node;
    c.cb_info = p;
    p->start_it = glp_get_it_cnt(p->lp);
    p->in_tree = true;
    if (glp_intopt(p->lp, &c) == 0 && glp_mip_status(p->lp) == GLP_OPT) {
        v = glp_mip_obj_val(p->lp) / p->cost_scale * (1 - o->gap_target);
        p->tree_bound = v > p->tree_bound ? v : p->tree_bound;
    }
    p->in_tree = false;
}

enum atm_status atm__ilp_search(struct atm__ilp *p,
                                const struct atm_plan_options *o,
                                struct atm__plan *best, struct atm__plan *work,
                                double *seconds, double *bound)
{
    *bound = -INFINITY;
    if (p->dead)
        return atm_fail(ATM_INTERNAL, "the LP solver gave up before");
    p->options = o;
    p->best = best;
    p->work = work;
    p->best_s = *seconds;
    p->tree_bound = -INFINITY;
    p->started = now_s();
    p->told = 0;
    if (setjmp(escape)) {
        *seconds = p->best_s;
        return died(p);
    }
    glp_error_hook(on_error, NULL);
    tree(p);
    *seconds = p->best_s;
    *bound = fmin(p->tree_bound, p->best_s);
    glp_error_hook(NULL, NULL);
    return ATM_OK;
}
