/* lp_build.c - columns and rows of the linear program of a model. */
#include "lp.h"

#include "arena.h"

#include <math.h>
#include <string.h>

#define PATHS_MAX 64       /* columns of one storage before arcs are better */
#define HULL_MAX 10        /* operands of a table whose entries are columns */

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

static int add_row(struct atm__ilp *p, int kind, double b)
{
    struct lp_row *bigger = atm_arena_grow(p->arena, p->row, &p->cap_row,
                                           p->n_row + 2, sizeof(*bigger));

    if (!bigger) {
        p->failed = true;
        return 1;
    }
    p->row = bigger;
    p->row[++p->n_row].kind = kind;
    p->row[p->n_row].b = b;
    return (int)p->n_row;
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
        row = add_row(p, ROW_EQUAL, 1);
        for (c = first; c <= p->n_col; c++)
            put(p, row, c, 1);
        return;
    }
    row = (int)p->n_row + 1;
    for (i = 0; i + 1 < g->n_nodes; i++)
        (void)add_row(p, ROW_EQUAL, i == 0);
    for (i = 0; i < g->n_arcs; i++) {
        add_arcs(p, s, &i, 1);
        put(p, row + (int)g->arc[i].from, p->n_col, 1);
        if (g->arc[i].to + 1 < g->n_nodes)
            put(p, row + (int)g->arc[i].to, p->n_col, -1);
    }
}

/* An entry that holds more can be no column. */
static uint64_t entry_limit(const struct atm__model *m)
{
    return m->without & ATM_PART_FIT ? UINT64_MAX : m->budget;
}

/* (C2) (C3) (C4): the hull of the entries that fit. */
static void add_hull(struct atm__ilp *p, uint32_t k)
{
    const struct atm__model *m = p->m;
    const struct atm__kernel *q = &m->kernel[k];
    uint32_t v, j, c, n_variants = m->p->kernel[k].n_variants;
    uint64_t limit = entry_limit(m);
    uint64_t set, every = ~UINT64_C(0);
    uint32_t first = p->n_col + 1, last;
    int row = add_row(p, ROW_EQUAL, 1), extra;
    struct column e = {.kind = ENTRY, .owner = k};

    p->has_entries[k] = 1;

    for (v = 0; v < n_variants; v++) {
        every &= q->all[v];
        for (set = q->all[v];; set = (set - 1) & q->all[v]) {
            if (atm__kernel_seconds(m, k, v, set) >= 0 &&
                atm__entry_fits(m, k, v, set, limit)) {
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

        l->row[0] = add_row(p, ROW_EQUAL, 0);
        l->factor = -1;
        for (c = first; c <= last; c++)
            if (p->col[c].slow >> j & 1)
                put(p, l->row[0], c, 1);
        if (every >> j & 1)
            continue;
        extra = add_row(p, ROW_MOST, 0);
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
    l[0].row[0] = add_row(p, q > 0 ? ROW_LEAST : ROW_MOST, q > 0 ? -1 : 0);
    put(p, l[0].row[0], c, 1);
    l[1].row[0] = l[0].row[0];
    if (q < 0) {
        l[1].row[0] = add_row(p, ROW_MOST, 0);
        put(p, l[1].row[0], c, 1);
    }
}

bool atm__lp_is_estimate(const struct atm__model *m, uint32_t k)
{
    return m->kernel[k].n > HULL_MAX && (m->p->kernel[k].variant[0].t.list ||
                                         m->p->kernel[k].n_variants > 1);
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

    if (atm__lp_is_estimate(m, k)) {
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
        row = add_row(p, ROW_LEAST, -t->base * p->cost_scale);
        put(p, row, c, 1);
    }
    for (j = 0; j < t->n; j++) {
        struct link *l = &p->link[k][bit[j]];

        if (t->slow[j] < 0) {
            l->row[0] = add_row(p, ROW_EQUAL, 0);
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
    uint64_t limit = entry_limit(m);
    bool whole = q->n <= 2 && m->p->kernel[k].n_variants == 1;

    for (set = 0; set < n && whole; set++)
        whole = atm__kernel_seconds(m, k, 0, set) >= 0 &&
                atm__entry_fits(m, k, 0, set, limit);
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
        p->alpha[k][i] = add_row(p, ROW_MOST, 0);
        p->beta[k][i] = add_row(p, ROW_MOST, 0);
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
                row = add_row(p, ROW_MOST, 1);
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

double atm__lp_column_seconds(struct atm__ilp *p, uint32_t c)
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

bool atm__lp_build(struct atm__ilp *p, struct atm_arena *tmp)
{
    const struct atm__model *m = p->m;
    uint32_t i, c, nodes = 1, n = m->p->n_kernels;
    uint32_t *count, *stack;

    for (i = 0; i < m->st.n; i++)
        nodes = m->graph[i].n_nodes > nodes ? m->graph[i].n_nodes : nodes;
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
    for (c = 1; c <= p->n_col && !p->failed; c++)
        p->col[c].seconds = atm__lp_column_seconds(p, c);
    return !p->failed;
}
