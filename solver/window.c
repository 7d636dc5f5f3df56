/* window.c - prices for many kernels: the dual of the linear program ascends a
 * window of kernels at a time.
 *
 * The bound is a concave function of the prices. With those outside a window
 * fixed, the best ones inside are the duals of a linear program of the window
 * alone: outside it a path pays memory and slow stations at the prices there.
 * GLPK's time grows with the square of the kernels, so that many windows take
 * far less than one program. Each round moves the edges by half a window, which
 * settles what lives there; the bound never falls from window to window. What a
 * window says of the storages that have most of their stations in it is the
 * point to round.
 */
#include "window.h"

#include "arena.h"
#include "certify.h"
#include "prices.h"

#include <math.h>
#include <string.h>

struct atm__windows {
    const struct atm__model *m;
    struct atm_arena *arena;
    struct atm_certificate *part; /* prices of a window */
    uint32_t n_parts, cap;
    uint32_t *owner; /* per kernel: the part whose prices count */
    uint32_t *seen;  /* per storage: stations in the window of its point */
    double *weight;  /* of arcs: the point */
    uint64_t *limit; /* per kernel: of the point */
    double *cost;    /* of a storage's arcs */
    uint32_t width, round;
};

/* ---- prices ---- */

/* All prices but those of kernels [first, end); the lists are in `arena`. */
static enum atm_status gather(const struct atm__windows *w, uint32_t first,
                              uint32_t end, struct atm_arena *arena,
                              struct atm_certificate *c)
{
    uint32_t i, j, n[5] = {0, 0, 0, 0, 0};

    memset(c, 0, sizeof(*c));
    c->budget = w->m->budget;
    for (i = 0; i < w->n_parts; i++) {
        const struct atm_certificate *q = &w->part[i];

        n[0] += q->n_memory;
        n[1] += q->n_slow_memory;
        n[2] += q->n_operand;
        n[3] += q->n_pair;
        n[4] += q->n_knapsack;
    }
    c->memory = atm_arena_array(arena, n[0], sizeof(*c->memory));
    c->slow_memory = atm_arena_array(arena, n[1], sizeof(*c->slow_memory));
    c->operand = atm_arena_array(arena, n[2], sizeof(*c->operand));
    c->pair = atm_arena_array(arena, n[3], sizeof(*c->pair));
    c->knapsack = atm_arena_array(arena, n[4], sizeof(*c->knapsack));
    if (!c->memory || !c->slow_memory || !c->operand || !c->pair ||
        !c->knapsack)
        return ATM_NOMEM;
#define COUNTS(k) (w->owner[k] == i && ((k) < first || (k) >= end))
    for (i = 0; i < w->n_parts; i++) {
        const struct atm_certificate *q = &w->part[i];

        for (j = 0; j < q->n_memory; j++)
            if (COUNTS(q->memory[j].at))
                c->memory[c->n_memory++] = q->memory[j];
        for (j = 0; j < q->n_slow_memory; j++)
            if (COUNTS(q->slow_memory[j].at / 3))
                c->slow_memory[c->n_slow_memory++] = q->slow_memory[j];
        for (j = 0; j < q->n_operand; j++)
            if (COUNTS(q->operand[j].kernel))
                c->operand[c->n_operand++] = q->operand[j];
        for (j = 0; j < q->n_pair; j++)
            if (COUNTS(q->pair[j].kernel))
                c->pair[c->n_pair++] = q->pair[j];
        for (j = 0; j < q->n_knapsack; j++)
            if (COUNTS(q->knapsack[j].kernel))
                c->knapsack[c->n_knapsack++] = q->knapsack[j];
    }
#undef COUNTS
    return ATM_OK;
}

/* The prices of a window that begins at kernel `first`, as a part. */
static enum atm_status keep_prices(struct atm__windows *w,
                                   const struct atm_certificate *c,
                                   uint32_t first, uint32_t end)
{
    struct atm_certificate *bigger = atm_arena_grow(
        w->arena, w->part, &w->cap, w->n_parts + 1, sizeof(*bigger));
    struct atm_certificate *q;
    enum atm_status st;
    uint32_t i;

    if (!bigger)
        return ATM_NOMEM;
    w->part = bigger;
    q = &w->part[w->n_parts];
    st = atm__certificate_copy(w->arena, c, q);
    if (st)
        return st;
    for (i = 0; i < q->n_memory; i++)
        q->memory[i].at += first;
    for (i = 0; i < q->n_slow_memory; i++)
        q->slow_memory[i].at += 3 * first;
    for (i = 0; i < q->n_operand; i++)
        q->operand[i].kernel += first;
    for (i = 0; i < q->n_pair; i++)
        q->pair[i].kernel += first;
    for (i = 0; i < q->n_knapsack; i++)
        q->knapsack[i].kernel += first;
    for (i = first; i < end; i++)
        w->owner[i] = w->n_parts;
    w->n_parts++;
    return ATM_OK;
}

/* ---- the model of a window ---- */

struct view {
    struct atm__model m;
    struct atm_problem p;
    struct atm__prices prices; /* of all outside */
    struct atm_arena *arena;
    uint32_t first, end; /* kernels */
    uint32_t *of;        /* per storage of the view: of the whole */
    uint32_t *inside;    /* ... its stations inside; 0: arcs made up */
};

static uint32_t clip(uint32_t at, uint32_t first, uint32_t end)
{
    return at < first ? 0 : at > end ? end - first : at - first;
}

/* Can storage s be in a pool between kernels [first, end)? */
static bool alive(const struct atm_storage *s, uint32_t first, uint32_t end)
{
    uint32_t n = s->n_stations;

    return s->arg || (n > 0 && s->kernel[0] < end &&
                      (s->out || s->kernel[n - 1] >= first));
}

/* Storage s without a station in the window: only whether it is kept over it
 * matters. False: it never is, however little memory costs there. */
static bool pass_over(struct atm__windows *w, struct view *v, uint32_t s,
                      struct atm__path_graph *to)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    double with, without;
    uint32_t i;

    with = atm__shortest(g, w->cost, NULL, NULL);
    for (i = 0; i < g->n_arcs; i++)
        if (g->arc[i].from_kernel < v->end && g->arc[i].to_kernel > v->first)
            w->cost[i] = INFINITY;
    without = atm__shortest(g, w->cost, NULL, NULL);
    if (without <= with)
        return false;
    to->n_nodes = 2;
    to->arc = atm_arena_array(v->arena, 2, sizeof(*to->arc));
    if (!to->arc)
        return true; /* the caller sees it */
    to->arc[to->n_arcs++] = (struct atm__arc){.to = 1,
                                              .station = ATM_NONE,
                                              .seconds = with,
                                              .keep = true,
                                              .to_kernel = v->end - v->first};
    if (without < INFINITY)
        to->arc[to->n_arcs++] =
            (struct atm__arc){.to = 1, .station = ATM_NONE, .seconds = without};
    return true;
}

/* The arcs of storage s as the window sees them. */
static bool clip_graph(const struct atm__windows *w, const struct view *v,
                       uint32_t s, struct atm__path_graph *to)
{
    const struct atm__path_graph *g = &w->m->graph[s];
    const uint32_t *kernel = w->m->st.s[s].kernel;
    uint32_t i;

    *to = *g;
    to->arc = atm_arena_memdup(v->arena, g->arc, g->n_arcs * sizeof(*g->arc));
    for (i = 0; i < g->n_arcs && to->arc; i++) {
        struct atm__arc *a = &to->arc[i];

        a->seconds = w->cost[i];
        a->from_kernel = clip(a->from_kernel, v->first, v->end);
        a->to_kernel = clip(a->to_kernel, v->first, v->end);
        a->from_phase = clip(a->from_phase, 3 * v->first, 3 * v->end);
        a->to_phase = clip(a->to_phase, 3 * v->first, 3 * v->end);
        if (a->station != ATM_NONE &&
            (kernel[a->station] < v->first || kernel[a->station] >= v->end))
            a->station = ATM_NONE;
    }
    return to->arc;
}

static enum atm_status add_storage(struct atm__windows *w, struct view *v,
                                   uint32_t s)
{
    const struct atm_storage *from = &w->m->st.s[s];
    struct atm__path_graph g = {0, 0, NULL};
    struct atm_storage *to = &v->m.st.s[v->m.st.n];
    uint32_t i, inside = 0;

    for (i = 0; i < from->n_stations; i++)
        inside += from->kernel[i] >= v->first && from->kernel[i] < v->end;
    atm__prices_arcs(&v->prices, s, w->cost);
    if (inside == 0 && !w->m->slow_limited) {
        if (!pass_over(w, v, s, &g))
            return ATM_OK;
    } else if (!clip_graph(w, v, s, &g)) {
        return ATM_NOMEM;
    }
    *to = *from;
    to->kernel = atm_arena_memdup(v->arena, from->kernel,
                                  from->n_stations * sizeof(*to->kernel));
    if (!g.arc || !to->kernel)
        return ATM_NOMEM;
    for (i = 0; i < from->n_stations; i++)
        to->kernel[i] = clip(from->kernel[i], v->first, v->end - 1);
    for (i = 0; i < from->n_tensors; i++)
        v->m.st.of[from->tensor[i]] = v->m.st.n;
    v->m.graph[v->m.st.n] = g;
    v->m.arc_of[v->m.st.n + 1] = v->m.arc_of[v->m.st.n] + g.n_arcs;
    v->m.total_bytes += from->bytes;
    v->of[v->m.st.n] = s;
    v->inside[v->m.st.n] = g.n_arcs == w->m->graph[s].n_arcs ? inside : 0;
    v->m.st.n++;
    return ATM_OK;
}

/* Kernels over the storages of the view. */
static enum atm_status add_kernels(const struct atm__windows *w, struct view *v)
{
    uint32_t k, j;

    for (k = 0; k < v->p.n_kernels; k++) {
        struct atm__kernel *q = &v->m.kernel[k];
        const struct atm__kernel *from = &w->m->kernel[v->first + k];

        *q = *from;
        q->use =
            atm_arena_memdup(v->arena, from->use, from->n * sizeof(*q->use));
        if (!q->use)
            return ATM_NOMEM;
        for (j = 0; j < q->n; j++)
            q->use[j].storage =
                v->m.st.of[w->m->st.s[from->use[j].storage].tensor[0]];
    }
    return ATM_OK;
}

static enum atm_status build_view(struct atm__windows *w, struct view *v)
{
    const struct atm__model *m = w->m;
    struct atm_arena *arena = v->arena;
    struct atm_certificate outside;
    uint32_t s, n = m->st.n;
    enum atm_status st;

    v->p = *m->p;
    v->p.kernel += v->first;
    v->p.n_kernels = v->end - v->first;
    v->m = *m;
    v->m.p = &v->p;
    v->m.arena = arena;
    v->m.total_bytes = 0;
    v->m.st.n = 0;
    v->m.st.s = atm_arena_array(arena, n, sizeof(*v->m.st.s));
    v->m.st.of = atm_arena_array(arena, m->p->n_tensors, 4);
    v->m.graph = atm_arena_array(arena, n, sizeof(*v->m.graph));
    v->m.arc_of = atm_arena_array(arena, n + 1, sizeof(*v->m.arc_of));
    v->m.kernel = atm_arena_array(arena, v->p.n_kernels, sizeof(*v->m.kernel));
    v->of = atm_arena_array(arena, n, sizeof(*v->of));
    v->inside = atm_arena_array(arena, n, sizeof(*v->inside));
    if (!v->m.st.s || !v->m.st.of || !v->m.graph || !v->m.arc_of ||
        !v->m.kernel || !v->of || !v->inside)
        return ATM_NOMEM;
    st = gather(w, v->first, v->end, arena, &outside);
    if (st)
        return st;
    v->prices = (struct atm__prices){
        .m = m, .c = &outside, .arena = arena, .budget = m->budget};
    st = atm__prices_read(&v->prices);
    for (s = 0; s < n && !st; s++)
        if (alive(&m->st.s[s], v->first, v->end))
            st = add_storage(w, v, s);
    return st ? st : add_kernels(w, v);
}

/* ---- windows ---- */

/* The window's word on storages it sees most stations of; with `all` on all
 * that have one there. */
static void keep_point(struct atm__windows *w, const struct view *v,
                       const struct atm__lp *lp, bool all)
{
    uint32_t i;

    for (i = 0; i < v->m.st.n; i++) {
        uint32_t s = v->of[i];

        if (v->inside[i] == 0 || (!all && v->inside[i] < w->seen[s]))
            continue;
        w->seen[s] = v->inside[i];
        memcpy(w->weight + w->m->arc_of[s], lp->arc_weight + v->m.arc_of[i],
               v->m.graph[i].n_arcs * sizeof(*w->weight));
    }
}

/* Solves one window; with limits only for the point. A window where GLPK gives
 * up keeps what it had. */
static enum atm_status solve_window(struct atm__windows *w, uint32_t first,
                                    uint32_t end, const uint64_t *limit,
                                    struct atm__lp *r)
{
    struct view v = {.first = first, .end = end, .arena = atm_arena_new()};
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    enum atm_status st = v.arena ? build_view(w, &v) : ATM_NOMEM;

    if (!st)
        st = atm__ilp_new(&v.m, &ilp);
    if (!st)
        st = atm__ilp_solve(ilp, limit ? limit + first : NULL, w->round > 0,
                            &lp);
    if (!st) {
        r->infeasible |= lp.infeasible;
        r->stopped |= lp.stopped;
    }
    if (!st && !lp.infeasible && !lp.stopped)
        keep_point(w, &v, &lp, limit);
    if (!st && !lp.infeasible && !limit)
        st = keep_prices(w, &lp.certificate, first, end);
    atm__ilp_delete(&ilp);
    atm_arena_delete(v.arena);
    return st == ATM_INTERNAL ? ATM_OK : st;
}

/* The window that begins at kernel `at` in this round: every other round half
 * a window earlier; a rest of less than half a window joins the last one. */
static uint32_t window_end(const struct atm__windows *w, uint32_t at)
{
    uint32_t n = w->m->p->n_kernels, half = w->width / 2;
    uint32_t width = at == 0 && w->round % 2 ? half : w->width;

    return n - at < width + half ? n : at + width;
}

enum atm_status atm__windows_round(struct atm__windows *w, struct atm__lp *r)
{
    uint32_t n = w->m->p->n_kernels, at, end;
    enum atm_status st = ATM_OK;

    *r = (struct atm__lp){.arc_weight = w->weight};
    for (at = 0; !st && at < n && !r->infeasible && !r->stopped; at = end) {
        end = window_end(w, at);
        st = solve_window(w, at, end, NULL, r);
    }
    if (!st && !r->infeasible)
        st = gather(w, 0, 0, w->arena, &r->certificate);
    if (!st && !r->infeasible)
        st = atm__bound(w->m, &r->certificate, &r->bound);
    w->round++;
    return st;
}

enum atm_status atm__windows_limit(struct atm__windows *w,
                                   const uint64_t *limit, struct atm__lp *r)
{
    uint32_t n = w->m->p->n_kernels, at, end;
    size_t bytes;
    enum atm_status st = ATM_OK;

    *r = (struct atm__lp){.arc_weight = w->weight};
    for (at = 0; !st && at < n && !r->infeasible && !r->stopped; at = end) {
        end = window_end(w, at);
        bytes = (end - at) * sizeof(*limit);
        if (memcmp(w->limit + at, limit + at, bytes) == 0)
            continue;
        memcpy(w->limit + at, limit + at, bytes);
        st = solve_window(w, at, end, limit, r);
    }
    return st;
}

enum atm_status atm__windows_new(const struct atm__model *m, uint32_t width,
                                 struct atm__windows **out)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__windows *w = arena ? atm_arena_alloc(arena, sizeof(*w)) : NULL;
    uint32_t i, arcs = 1;

    *out = NULL;
    if (!w)
        goto err_delete;
    for (i = 0; i < m->st.n; i++)
        arcs = m->graph[i].n_arcs > arcs ? m->graph[i].n_arcs : arcs;
    w->m = m;
    w->width = width;
    w->arena = arena;
    w->owner = atm_arena_array(arena, m->p->n_kernels, sizeof(*w->owner));
    w->seen = atm_arena_array(arena, m->st.n, sizeof(*w->seen));
    w->weight = atm_arena_array(arena, m->arc_of[m->st.n], sizeof(*w->weight));
    w->cost = atm_arena_array(arena, arcs, sizeof(*w->cost));
    w->limit = atm_arena_array(arena, m->p->n_kernels, sizeof(*w->limit));
    if (!w->owner || !w->seen || !w->weight || !w->cost || !w->limit)
        goto err_delete;
    for (i = 0; i < m->p->n_kernels; i++)
        w->limit[i] = m->budget;
    memset(w->owner, 0xff, m->p->n_kernels * sizeof(*w->owner));
    *out = w;
    return ATM_OK;

err_delete:
    atm_arena_delete(arena);
    return ATM_NOMEM;
}

void atm__windows_delete(struct atm__windows **w)
{
    if (*w)
        atm_arena_delete((*w)->arena);
    *w = NULL;
}
