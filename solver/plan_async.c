/* plan_async.c - planner `async`: moves beside kernels.
 *
 * Decisions (what is in fast memory where) come from synchronous problems: the
 * one that planner sync solves, then the same with cheaper moves, since much of
 * them will be hidden, and with less memory, since what is in flight needs
 * some. The moves of each are scheduled by async_moves.c, packed with the time
 * in flight, and the best plan stays. The first is sync's plan under the event
 * clock, so that none is worse.
 *
 * The bound: an iteration takes at least the sum of its kernels, of its reads
 * and of its writes, so at least any average of the three: the certificate of a
 * problem with weighted costs, the weights chosen to make it large. */
#include "planner_rows.h"

#include "arena.h"
#include "async_problem.h"
#include "async_search.h"
#include "certify.h"
#include "model.h"

#include <math.h>
#include <string.h>

#define SHRINKS 5        /* packings tried with less in flight */
#define WEIGHT_STEPS 256 /* weights are multiples of 1/256: exact */
#define WEIGHT_ROUNDS 6
#define SMALL_KERNELS 32

struct async {
    const struct atm_problem *p, *q; /* as given; with costs of its moves */
    const struct atm_plan_options *o;
    struct atm_arena *arena;
    struct atm_problem async_problem;
    struct atm_placement *best;
    bool one_by_one;             /* which way to find addresses */
    double sync_s, sync_moves_s; /* sync's plan under the clock */
};

static bool stopped(const struct async *s)
{
    return s->o->progress &&
           s->o->progress(s->o->user, 0,
                          s->best ? s->best->objective : INFINITY, 0);
}

/* ---- one set of decisions ---- */

static bool is_placed(const struct async *s, const struct atm_placement *a)
{
    return a->packing.height <= s->o->budget_bytes &&
           a->slow_peak_bytes <= s->p->slow_bytes;
}

static void restore(struct atm_placement *a, const struct atm_box *box)
{
    if (a->n_boxes)
        memcpy(a->box, box, a->n_boxes * sizeof(*box));
}

static enum atm_status pack(struct atm__moves *m, const struct atm_box *box,
                            uint64_t slow, struct atm_placement *a)
{
    enum atm_status st;

    restore(a, box);
    st = atm__moves_write(m, a);
    return st ? st : atm__place(m->d, a, slow);
}

/* A little less time in flight; false: there is none left. */
static bool shorten(struct atm__run *r)
{
    bool fetch = r->fetched && r->fetch_start < r->first - 1;
    bool write = r->written && r->write_wait > r->last + 1;

    r->fetch_start += fetch;
    r->write_wait -= write;
    return fetch || write;
}

/* Of the moves in flight, one after the other, as much as addresses can still
 * be had for. */
static enum atm_status pack_one_by_one(struct async *s, struct atm__moves *m,
                                       const struct atm_box *box, uint64_t slow,
                                       struct atm_arena *arena,
                                       struct atm_placement *a)
{
    struct atm__run *wanted =
        atm_arena_memdup(arena, m->run, m->n_runs * sizeof(*wanted));
    enum atm_status st = wanted ? ATM_OK : ATM_NOMEM;
    uint32_t i;

    if (wanted)
        atm__moves_reset(m);
    for (i = 0; i < m->n_runs && !st; i++)
        do {
            atm__moves_unmove(m, i);
            if (!atm__moves_adopt(m, wanted, i))
                continue;
            st = pack(m, box, slow, a);
            if (st || is_placed(s, a))
                break;
        } while (shorten(&wanted[i]));
    a->objective = atm__moves_seconds(m);
    return st ? st : pack(m, box, slow, a);
}

/* Addresses for moves in flight; where they cannot be had, with less in flight,
 * at last between kernels only, as the placement came. */
static enum atm_status settle(struct async *s, struct atm__moves *m,
                              uint64_t events, struct atm_arena *arena,
                              struct atm_placement *a)
{
    uint64_t slow =
        s->p->slow_bytes != UINT64_MAX ? s->p->slow_bytes : a->slow_peak_bytes;
    uint64_t fast_peak = a->fast_peak_bytes, slow_peak = a->slow_peak_bytes;
    struct atm_box *box =
        atm_arena_memdup(arena, a->box, a->n_boxes * sizeof(*a->box));
    enum atm_status st = ATM_OK;
    uint32_t i;

    if (!box)
        return ATM_NOMEM;
    for (i = 0; i < SHRINKS; i++) {
        uint64_t over;

        a->objective = atm__moves_improve(m, events);
        st = pack(m, box, slow, a);
        if (!st && !is_placed(s, a) && s->one_by_one)
            st = pack_one_by_one(s, m, box, slow, arena, a);
        if (st || is_placed(s, a))
            return st;
        over = a->packing.height - s->o->budget_bytes;
        over = a->packing.height > s->o->budget_bytes ? over + over / 2 : 0;
        m->limit -= over < m->limit ? over : m->limit;
        atm__moves_reset(m);
    }
    restore(a, box);
    a->objective = atm__moves_seconds(m);
    st = atm__moves_write(m, a);
    a->fast_peak_bytes = a->packing.height = fast_peak;
    a->slow_peak_bytes = slow_peak;
    return st;
}

/* Takes the placement: it becomes the best plan or is deleted. */
static enum atm_status consider(struct async *s, struct atm_placement *a,
                                uint64_t events)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_storages storages;
    struct atm_decisions d;
    struct atm__moves m;
    enum atm_status st = ATM_NOMEM;

    if (!arena)
        goto out;
    st = atm__problem_storages(s->q, arena, &storages);
    if (!st)
        st = atm__decisions_of(s->q, &storages, a, arena, &d);
    if (!st)
        st = atm__moves_new(&d, s->o->budget_bytes, arena, &m);
    if (!st && !s->best && s->sync_s == 0) {
        s->sync_s = atm__moves_seconds(&m);
        s->sync_moves_s = m.serial_s;
    }
    if (!st)
        st = settle(s, &m, events, arena, a);
    a->budget_bytes = s->o->budget_bytes;
    if (!st && (!s->best || a->objective < s->best->objective)) {
        struct atm_placement *old = s->best;

        s->best = a;
        a = old;
    }
out:
    atm_arena_delete(arena);
    atm_placement_delete(&a);
    return st;
}

/* Decisions of planner sync for the problem with other costs of moves and
 * another budget; what it cannot plan gives none. */
static enum atm_status try_costs(struct async *s, double moves, double budget,
                                 uint64_t events)
{
    const double weights[3] = {1, moves, moves};
    struct atm_arena *arena = atm_arena_new();
    struct atm_plan_options o = *s->o;
    struct atm_placement *a = NULL;
    struct atm_problem w;
    uint64_t least = atm_problem_min_budget(s->p, &(uint32_t){0});
    enum atm_status st = ATM_NOMEM;

    o.budget_bytes = (uint64_t)(budget * (double)o.budget_bytes);
    if (o.budget_bytes < least)
        o.budget_bytes = least;
    o.gap_target = 1; /* its root will do: the bound is another one */
    o.progress = NULL;
    o.start = NULL;
    if (arena)
        st = atm__weighted_problem(s->q, weights, arena, &w);
    if (!st)
        st = atm__plan_sync(&w, &o, &a);
    if (!st)
        st = consider(s, a, events);
    else if (st == ATM_INFEASIBLE || st == ATM_INTERNAL)
        st = ATM_OK;
    atm_arena_delete(arena);
    return st;
}

static enum atm_status search(struct async *s)
{
    static const double moves[] = {1, 0.5, 0.2, 0.03};
    static const double budget[] = {1, 0.9, 0.75, 0.6};
    bool small = s->p->n_kernels <= SMALL_KERNELS;
    uint64_t events = small ? 200000 : 10000000;
    struct atm_placement *a = NULL;
    enum atm_status st;
    uint32_t i, j, way;

    st = atm__plan_sync(s->p, s->o, &a);
    if (!st)
        st = consider(s, a, 2 * events);
    /* of the larger ones a few pairs of the two, and one way to addresses */
    for (way = 0; way < (small ? 2U : 1U); way++)
        for (i = 0; i < 4; i++)
            for (j = 0; j < 4 && !st && !stopped(s); j++) {
                s->one_by_one = way == 1;
                if (small || i == j)
                    st = try_costs(s, moves[i], budget[j], events);
            }
    return st;
}

/* ---- the bound ---- */

/* Sums of one point: kernels, reads, writes, in seconds. */
struct sums {
    double s[3];
};

struct weighing {
    const struct async *s;
    struct atm__model *moves[2]; /* reads alone cost; writes alone */
    uint32_t n;
    struct sums sums[WEIGHT_ROUNDS];
};

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* The relaxation at these weights: prices and bound into `a` if they are
 * better, its sums. */
static enum atm_status relax(struct weighing *g, const double w[3], bool cuts,
                             struct atm_placement *a, struct sums *sums)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__model *m = NULL;
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    struct atm_problem q;
    enum atm_status st = ATM_NOMEM;
    double bound = 0;
    uint32_t i, j, k, at = 0;

    if (arena)
        st = atm__weighted_problem(g->s->q, w, arena, &q);
    if (!st)
        st = atm__model_new(&q, g->s->o->budget_bytes, false, &m);
    if (!st)
        st = atm__ilp_new(m, &ilp);
    if (!st)
        st = atm__ilp_solve(ilp, NULL, cuts, &lp);
    if (!st && lp.infeasible)
        st = ATM_INTERNAL;
    if (!st)
        st = atm__bound(m, &lp.certificate, &bound);
    if (!st && (!a->certificate.weighted || bound > a->lower_bound)) {
        st = atm__certificate_copy(a->arena, &lp.certificate, &a->certificate);
        a->certificate.weighted = true;
        memcpy(a->certificate.weights, w, sizeof(a->certificate.weights));
        a->lower_bound = bound;
    }
    *sums = (struct sums){{0, 0, 0}};
    for (i = 0; !st && i < m->st.n; i++)
        for (j = 0; j < m->graph[i].n_arcs; j++, at++)
            for (k = 0; k < 2; k++)
                sums->s[1 + k] +=
                    lp.arc_weight[at] * g->moves[k]->graph[i].arc[j].seconds;
    sums->s[0] = (lp.bound - w[1] * sums->s[1] - w[2] * sums->s[2]) / w[0];
    atm__ilp_delete(&ilp);
    atm__model_delete(&m);
    atm_arena_delete(arena);
    return st;
}

/* The weights, kernels' above 0, at which the least of the points known is
 * largest: a cutting plane in two dimensions, over a grid. */
static void best_weights(const struct weighing *g, double w[3])
{
    double best = -INFINITY;
    uint32_t i, j, k;

    for (i = WEIGHT_STEPS; i >= 1; i--)
        for (j = 0; j <= WEIGHT_STEPS - i; j++) {
            double v[3] = {(double)i / WEIGHT_STEPS, (double)j / WEIGHT_STEPS,
                           (double)(WEIGHT_STEPS - i - j) / WEIGHT_STEPS};
            double lowest = INFINITY;

            for (k = 0; k < g->n; k++)
                lowest = fmin(lowest, dot(v, g->sums[k].s));
            if (lowest > best) {
                best = lowest;
                memcpy(w, v, sizeof(v));
            }
        }
}

static enum atm_status weigh(struct weighing *g, struct atm_placement *a)
{
    double w[3] = {1, 0, 0}, old[3] = {0, 0, 0};
    enum atm_status st = ATM_OK;
    struct sums sums;

    while (g->n < WEIGHT_ROUNDS && !st && memcmp(w, old, sizeof(w)) != 0) {
        memcpy(old, w, sizeof(w));
        st =
            relax(g, w, g->s->p->n_kernels <= SMALL_KERNELS, a, &g->sums[g->n]);
        g->n += !st;
        if (!st)
            best_weights(g, w);
        if (a->objective - a->lower_bound <= 1e-9 * a->objective)
            return st;
    }
    memcpy(w, a->certificate.weights, sizeof(w));
    if (!st && a->certificate.weighted && g->s->p->n_kernels > SMALL_KERNELS)
        st = relax(g, w, true, a, &sums);
    return st;
}

static enum atm_status certify(const struct async *s, struct atm_placement *a)
{
    static const double alone[2][3] = {{0, 1, 0}, {0, 0, 1}};
    struct weighing g = {.s = s};
    struct atm_problem q[2];
    enum atm_status st = ATM_OK;
    uint32_t i;

    a->certificate = (struct atm_certificate){.budget = a->budget_bytes};
    a->lower_bound = 0;
    for (i = 0; i < 2 && !st; i++) {
        st = atm__weighted_problem(s->q, alone[i], s->arena, &q[i]);
        if (!st)
            st = atm__model_new(&q[i], s->o->budget_bytes, false, &g.moves[i]);
    }
    if (!st)
        st = weigh(&g, a);
    atm__model_delete(&g.moves[0]);
    atm__model_delete(&g.moves[1]);
    if (st == ATM_INTERNAL && !a->certificate.weighted) {
        /* GLPK failed: prices of nothing, each kernel at its best */
        a->certificate.weighted = true;
        a->certificate.weights[0] = 1;
        st = atm_certificate_bound(s->p, &a->certificate, &a->lower_bound);
    }
    return st == ATM_INTERNAL ? ATM_OK : st;
}

/* ---- the answer ---- */

static void finish(const struct async *s, struct atm_placement *a)
{
    a->lower_bound = fmin(a->lower_bound, a->objective);
    a->gap =
        a->objective > 0 ? (a->objective - a->lower_bound) / a->objective : 0;
    a->status = a->objective - a->lower_bound <= 2e-9 + 1e-12 * a->objective
                    ? ATM_PLAN_OPTIMAL
                    : ATM_PLAN_FEASIBLE;
    a->uncertified_bound = NAN;
    a->hidden_share = s->sync_moves_s > 0
                          ? (s->sync_s - a->objective) / s->sync_moves_s
                          : NAN;
}

enum atm_status atm__plan_async(const struct atm_problem *p,
                                const struct atm_plan_options *o,
                                struct atm_placement **placement)
{
    struct async s = {.p = p, .o = o};
    enum atm_status st = ATM_NOMEM;

    *placement = NULL;
    if (!p->has_async)
        return atm_fail(ATM_UNSUPPORTED,
                        "planner async: the problem has no key `async`, the "
                        "bandwidths of moves beside kernels; models have none "
                        "yet: use planner sync, or --problem with a file that "
                        "has it");
    s.arena = atm_arena_new();
    if (s.arena)
        st = atm__async_problem(p, s.arena, &s.async_problem);
    s.q = &s.async_problem;
    if (!st)
        st = search(&s);
    if (!st)
        st = certify(&s, s.best);
    if (!st)
        finish(&s, s.best);
    else
        atm_placement_delete(&s.best);
    *placement = s.best;
    atm_arena_delete(s.arena);
    return st;
}
