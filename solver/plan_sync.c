/* plan_sync.c - planners `sync` and `static`: linear program, rounding,
 * descent, tree search where the certified gap is above the target, packing.
 *
 * `static` searches only plans without moves, but both are certified by the
 * prices of the problem with moves: a bound for every plan is one for those
 * without moves too. What the smaller problem proves is its uncertified
 * bound.
 */
#include "certify.h"
#include "neighbour.h"
#include "planner_rows.h"
#include "prove.h"
#include "search.h"

#include "arena.h"
#include "rng.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ROUNDINGS 6
#define SWEEPS 40

/* Shows what there is; true: it has to do. Once true, true for good. */
static bool interrupted(void *search)
{
    const struct atm__search *s = search;

    return s->o->progress && s->o->progress(s->o->user, 0, s->best_s, s->bound);
}

static void keep_if_better(struct atm__search *s)
{
    double seconds = atm__plan_seconds(s->work);

    if (seconds < s->best_s &&
        !(s->ilp && atm__ilp_excludes(s->ilp, s->work))) {
        s->best_s = seconds;
        atm__plan_copy(s->best, s->work);
        (void)interrupted(s);
    }
}

static void finish(struct atm__search *s, uint64_t seed)
{
    if (!atm__plan_repair(s->work))
        return;
    atm__plan_descend(s->work, seed, SWEEPS);
    /* leaving a forbidden entry can need a repair of its own */
    if (atm__plan_repair(s->work))
        keep_if_better(s);
}

/* Heaviest path of storage st in the LP's point, and its weight. */
static double heaviest(struct atm__search *s, uint32_t st, uint32_t *n)
{
    const struct atm__path_graph *g = &s->m->graph[st];
    const double *w = s->lp.arc_weight + atm__arc_offset(s->m, st);
    double least = 1;
    uint32_t i;

    for (i = 0; i < g->n_arcs; i++)
        s->work->arc_cost[i] = 1 - fmin(1, fmax(0, w[i]));
    (void)atm__shortest(g, s->work->arc_cost, s->work->arc_path, n);
    for (i = 0; i < *n; i++)
        least = fmin(least, w[s->work->arc_path[i]]);
    return least;
}

/* Whole storages as the LP has them; the others follow one by one, each on
 * its best path among those that are there, in an order that differs from
 * rounding to rounding; the first takes the heaviest path of each. */
static void rounding(struct atm__search *s, uint32_t round)
{
    struct atm__plan *w = s->work;
    uint32_t i, j, n, n_open = 0, *open = s->best->order;

    for (i = 0; i < s->m->st.n; i++)
        if (w->n_path[i])
            atm__plan_remove(w, i);
    for (i = 0; i < s->m->st.n; i++) {
        if (heaviest(s, i, &n) < 0.999)
            open[n_open++] = i;
        memcpy(w->old_path, w->arc_path, n * sizeof(*w->old_path));
        atm__plan_put(w, i, w->old_path, n);
    }
    for (i = n_open; i > 1 && round > 1; i--) {
        uint32_t t;

        j = (uint32_t)(atm_rng_u64(s->o->seed + round, i) % i);
        t = open[i - 1];
        open[i - 1] = open[j];
        open[j] = t;
    }
    for (i = 0; i < n_open && round > 0; i++)
        atm__plan_remove(w, open[i]);
    for (i = 0; i < n_open && round > 0; i++) {
        if (atm__plan_best(w, open[i], ATM_NONE, &n) == INFINITY)
            (void)heaviest(s, open[i], &n);
        memcpy(w->old_path, w->arc_path, n * sizeof(*w->old_path));
        atm__plan_put(w, open[i], w->old_path, n);
    }
    finish(s, s->o->seed + round);
}

static double gap_of(double objective, double bound)
{
    return objective > 0 ? (objective - bound) / objective : 0;
}

/* `static` cannot reach the bound of plans with moves: its own LP's counts. */
static bool good_enough(const struct atm__search *s)
{
    double bound = s->m->static_only ? s->uncertified : s->bound;

    return s->best_s < INFINITY && gap_of(s->best_s, bound) <= s->o->gap_target;
}

/* Prices of the problem with moves, and their bound. A GLPK that fails leaves
 * prices of nothing: each kernel at its best, each storage without a move. */
static enum atm_status certify(struct atm__search *s, const struct atm__lp *lp,
                               const struct atm__model *m)
{
    struct atm_certificate nothing = {.budget = m->budget};
    double plain;
    enum atm_status st;

    s->certificate = lp ? lp->certificate : nothing;
    st = atm__bound(m, &s->certificate, &s->bound);
    if (st || !lp || !lp->stopped)
        return st;
    st = atm__bound(m, &nothing, &plain);
    if (!st && plain > s->bound) { /* the prices were not there yet */
        s->certificate = nothing;
        s->bound = plain;
    }
    return st;
}

static enum atm_status certify_with_moves(struct atm__search *s)
{
    struct atm__model *m;
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    enum atm_status st;

    st = atm__model_new(s->p, s->o->budget_bytes, false, &m);
    if (st)
        return st;
    m->stop = interrupted;
    m->stop_user = s;
    st = atm__ilp_new(m, &ilp);
    if (!st)
        st = atm__ilp_solve(ilp, NULL, true, &lp);
    st = certify(s, !st && !lp.infeasible ? &lp : NULL, m);
    if (!st) /* the prices live in the ilp */
        st = atm__certificate_copy(s->best->arena, &s->certificate,
                                   &s->certificate);
    atm__ilp_delete(&ilp);
    atm__model_delete(&m);
    return st;
}

static enum atm_status search_plan(struct atm__search *s)
{
    enum atm_status st = ATM_OK;
    double proved;
    uint32_t i;

    /* a plan at once, and all there is if GLPK fails */
    if (atm__plan_start(s->work)) {
        keep_if_better(s);
        finish(s, s->o->seed);
    }
    if (!interrupted(s))
        st = atm__ilp_new(s->m, &s->ilp);
    if (!st && s->ilp)
        st = atm__ilp_solve(s->ilp, NULL, true, &s->lp);
    if (st == ATM_NOMEM)
        return st;
    if (st)
        atm__ilp_delete(&s->ilp);
    s->no_plan = !st && s->lp.infeasible;
    if (s->m->static_only)
        st = certify_with_moves(s);
    else
        st = certify(s, s->ilp && !s->no_plan ? &s->lp : NULL, s->m);
    if (st || !s->ilp || s->no_plan)
        return st;
    if (s->lp.stopped)
        return ATM_OK;
    s->uncertified = s->lp.bound;
    for (i = 0; i < ROUNDINGS && !good_enough(s) && !interrupted(s); i++)
        rounding(s, i);
    if (good_enough(s) || interrupted(s))
        return ATM_OK;
    st = atm__neighbours(s, fmax(s->bound, s->uncertified) /
                                (1 - s->o->gap_target),
                         interrupted);
    if (st || good_enough(s) || interrupted(s) ||
        s->p->n_kernels > ATM__SMALL)
        return st;
    st = atm__ilp_search(s->ilp, s->o, s->best, s->work, &s->best_s, &proved);
    if (st == ATM_INTERNAL) { /* what was found before stays */
        atm__ilp_delete(&s->ilp);
        return ATM_OK;
    }
    if (proved > s->uncertified)
        s->uncertified = proved;
    return st;
}

/* Within this of the best plan a bound proves it. */
static double proof_slack(double seconds)
{
    return 2e-9 + 1e-9 * seconds;
}

static double left_to_prove(const struct atm__search *s)
{
    return s->best_s -
           fmax(proof_slack(s->best_s), s->o->gap_target * s->best_s);
}

static double round_point(void *search, double *arc_weight)
{
    struct atm__search *s = search;
    double *weight = s->lp.arc_weight;

    s->lp.arc_weight = arc_weight;
    rounding(s, s->n_points++ % 2);
    s->lp.arc_weight = weight;
    return left_to_prove(s);
}

/* A tree of prices where those of the root leave more than the gap asked for;
 * of the problem with moves, as the prices are. */
static enum atm_status prove(struct atm__search *s)
{
    const struct atm__rounder rounder = {round_point, s};

    if (s->m->static_only || s->best_s == INFINITY || !s->ilp ||
        good_enough(s) || interrupted(s))
        return ATM_OK;
    return atm__prove(s->m, left_to_prove(s), s->best_s, &rounder,
                      s->best->arena, &s->certificate, &s->bound);
}

enum atm_status atm__search_again(struct atm__search *s,
                                  const struct atm__plan *from,
                                  const uint64_t *limit)
{
    size_t bytes = s->p->n_kernels * sizeof(*limit);
    bool small = s->p->n_kernels <= ATM__SMALL, again;
    enum atm_status st = ATM_OK;
    double proved;
    uint32_t i;

    s->best_s = INFINITY;
    atm__plan_copy(s->work, from);
    memcpy(s->work->limit, limit, bytes);
    finish(s, s->o->seed);
    again = s->ilp && !interrupted(s);
    if (again)
        st = atm__ilp_solve(s->ilp, limit, small, &s->lp);
    again = again && !st && !s->lp.infeasible && !s->lp.stopped;
    for (i = 0; i < 2 && again; i++) {
        memcpy(s->work->limit, limit, bytes);
        rounding(s, i);
    }
    if (again && small &&
        !(gap_of(s->best_s, s->lp.bound) <= s->o->gap_target)) {
        memcpy(s->work->limit, limit, bytes);
        st = atm__ilp_search(s->ilp, s->o, s->best, s->work, &s->best_s,
                             &proved);
    }
    if (st == ATM_INTERNAL) { /* GLPK failed: the rest works without it */
        atm__ilp_delete(&s->ilp);
        st = ATM_OK;
    }
    if (s->best_s == INFINITY && !st) {
        memcpy(s->work->limit, limit, bytes);
        if (atm__plan_start(s->work))
            finish(s, s->o->seed);
    }
    return st;
}

/* ---- the answer ---- */

static enum atm_status answer(struct atm__search *s, struct atm_placement *a)
{
    a->lower_bound = fmin(s->bound, a->objective);
    a->gap = gap_of(a->objective, a->lower_bound);
    a->status = a->objective - a->lower_bound <= 2e-9 + 1e-12 * a->objective
                    ? ATM_PLAN_OPTIMAL
                    : ATM_PLAN_FEASIBLE;
    a->uncertified_bound = s->uncertified > a->lower_bound + 1e-9
                               ? fmin(s->uncertified, a->objective)
                               : NAN;
    return atm__certificate_copy(a->arena, &s->certificate, &a->certificate);
}

static enum atm_status run(const struct atm_problem *p,
                           const struct atm_plan_options *o, bool static_only,
                           struct atm_placement **out)
{
    struct atm_plan_options exact = *o;
    struct atm__search s = {
        .p = p, .o = &exact, .best_s = INFINITY, .uncertified = -INFINITY};
    enum atm_status st;

    if (p->n_kernels <= ATM__TINY)
        exact.gap_target = 0;

    *out = NULL;
    st = atm__model_new(p, o->budget_bytes, static_only, &s.m);
    if (st)
        return st;
    s.m->stop = interrupted;
    s.m->stop_user = &s;
    st = atm__plan_new(s.m, &s.best);
    if (!st)
        st = atm__plan_new(s.m, &s.work);
    if (!st)
        st = atm__plan_new(s.m, &s.spare);
    if (!st)
        st = search_plan(&s);
    if (!st)
        st = prove(&s);
    if (!st && s.best_s == INFINITY)
        st = atm_fail(ATM_INFEASIBLE,
                      static_only
                          ? "no plan without moves fits %" PRIu64
                            " bytes; planner sync may find one with moves"
                          : "no plan was found for %" PRIu64
                            " bytes of fast and the given slow memory; a "
                            "larger budget may do",
                      o->budget_bytes);
    if (!st)
        st = atm__fit(&s, out);
    if (!st)
        st = answer(&s, *out);
    if (st)
        atm_placement_delete(out);
    atm__ilp_delete(&s.ilp);
    atm__plan_delete(&s.work);
    atm__plan_delete(&s.spare);
    atm__plan_delete(&s.best);
    atm__model_delete(&s.m);
    return st;
}

enum atm_status atm__plan_sync(const struct atm_problem *p,
                               const struct atm_plan_options *o,
                               struct atm_placement **placement)
{
    return run(p, o, false, placement);
}

enum atm_status atm__plan_static(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 struct atm_placement **placement)
{
    return run(p, o, true, placement);
}
