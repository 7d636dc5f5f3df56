/* plan_sync.c - planners `sync` and `static`: linear program, rounding,
 * descent, tree search where the certified gap is above the target, packing.
 *
 * `static` searches only plans without moves, but both are certified by the
 * prices of the problem with moves: a bound for every plan is one for those
 * without moves too. Prices of the smaller problem are its second certificate,
 * and say how good it is as a plan without moves.
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
#define WINDOW_ROUNDS 6
#define WINDOW_GAIN 1e-5 /* of the bound: less is not worth a round */

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
    if (!(s->m->without & ATM_PART_DESCENT))
        atm__plan_descend(s->work, seed, SWEEPS);
    /* leaving a forbidden entry can need a repair of its own */
    if (atm__plan_repair(s->work))
        keep_if_better(s);
}

/* Heaviest path of storage st in the LP's point, and its weight. */
static double heaviest(struct atm__search *s, uint32_t st, uint32_t *n)
{
    const struct atm__path_graph *g = &s->m->graph[st];
    const double *w = s->lp.arc_weight + s->m->arc_of[st];
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

/* `static` cannot reach the bound of plans with moves: its own counts. */
static bool good_enough(const struct atm__search *s)
{
    double bound = s->m->static_only ? s->still_bound : s->bound;

    return s->best_s < INFINITY && gap_of(s->best_s, bound) <= s->o->gap_target;
}

/* Takes prices of model m that prove more than those at hand. */
static enum atm_status offer(struct atm__search *s, const struct atm__model *m,
                             const struct atm_certificate *c, double bound)
{
    double *known = m->static_only ? &s->still_bound : &s->bound;

    if (!(bound > *known))
        return ATM_OK;
    *known = bound;
    return atm__certificate_copy(s->best->arena, c,
                                 m->static_only ? &s->still : &s->certificate);
}

static enum atm_status offer_of(struct atm__search *s,
                                const struct atm__model *m,
                                const struct atm_certificate *c)
{
    double bound;
    enum atm_status st = atm__bound(m, c, &bound);

    return st ? st : offer(s, m, c, bound);
}

/* A plan from each round of windows. `done`: one is good enough. */
static enum atm_status by_windows(struct atm__search *s, bool *done)
{
    enum atm_status st = atm__windows_new(s->m, ATM__WINDOW, &s->windows);
    double before;
    uint32_t i;

    for (i = 0; i < WINDOW_ROUNDS && !st && !*done; i++) {
        before = s->uncertified;
        st = atm__windows_round(s->windows, &s->lp);
        s->no_plan = s->lp.infeasible;
        if (st || s->no_plan)
            break;
        s->uncertified = fmax(before, s->lp.bound);
        st = offer(s, s->m, &s->lp.certificate, s->lp.bound);
        if (!st && !s->lp.stopped)
            rounding(s, 0);
        *done = good_enough(s) || interrupted(s);
        if (s->uncertified - before < WINDOW_GAIN * s->best_s)
            break;
    }
    return st;
}

/* The root's prices, and plans out of its point; covers only where the memory
 * rows alone leave too much. `done`: no more is to be tried. */
static enum atm_status at_root(struct atm__search *s, bool *done)
{
    enum atm_status st = ATM_OK;
    uint32_t i, cuts;

    s->lp = (struct atm__lp){0};
    *done = false;
    if (s->o->start)
        st = atm__ilp_begin(s->ilp, s->o->start);
    for (cuts = 0; cuts < 2 && !st && !*done; cuts++) {
        st = atm__ilp_solve(s->ilp, NULL, cuts, &s->lp);
        if (st)
            break;
        s->no_plan = s->lp.infeasible;
        if (!s->no_plan)
            st = offer_of(s, s->m, &s->lp.certificate);
        *done = s->no_plan || s->lp.stopped;
        if (!st && !*done && !cuts && s->o->start)
            st = atm__ilp_keep(s->ilp, s->o->start);
        if (st || *done)
            break;
        s->uncertified = fmax(s->uncertified, s->lp.bound);
        for (i = 0; i < (cuts ? ROUNDINGS : 1) && !*done; i++) {
            rounding(s, i);
            *done = good_enough(s) || interrupted(s);
        }
    }
    return st;
}

static enum atm_status by_program(struct atm__search *s)
{
    enum atm_status st = atm__ilp_new(s->m, &s->ilp);
    double proved;
    bool done = false;

    if (!st)
        st = at_root(s, &done);
    if (st == ATM_NOMEM)
        return st;
    if (st) { /* what was found before stays */
        atm__ilp_delete(&s->ilp);
        return ATM_OK;
    }
    if (done)
        return ATM_OK;
    if (!(s->m->without & ATM_PART_NEIGHBOURS))
        st = atm__neighbours(
            s, fmax(s->bound, s->uncertified) / (1 - s->o->gap_target),
            interrupted);
    if (st || good_enough(s) || interrupted(s) || s->p->n_kernels > ATM__SMALL)
        return st;
    st = atm__ilp_search(s->ilp, s->o, s->best, s->work, &s->best_s, &proved);
    if (st == ATM_INTERNAL) {
        atm__ilp_delete(&s->ilp);
        return ATM_OK;
    }
    s->uncertified = fmax(s->uncertified, proved);
    return st;
}

/* Prices of the problem with moves for plans without. */
static enum atm_status certify_with_moves(struct atm__search *s)
{
    struct atm__model *m;
    struct atm__windows *w = NULL;
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    struct atm_certificate nothing = {.budget = s->m->budget};
    enum atm_status st;
    uint32_t i;

    st = atm__model_new(s->p, s->o->budget_bytes, false, &m);
    if (st)
        return st;
    m->stop = interrupted;
    m->stop_user = s;
    st = offer_of(s, m, &nothing);
    if (st)
        goto err_delete;
    if (s->p->n_kernels > ATM__WHOLE_MAX) {
        st = atm__windows_new(m, ATM__WINDOW, &w);
        for (i = 0; i < WINDOW_ROUNDS && !st && !lp.infeasible; i++)
            st = atm__windows_round(w, &lp);
    } else {
        st = atm__ilp_new(m, &ilp);
        if (!st)
            st = atm__ilp_solve(ilp, NULL, true, &lp);
    }
    if (!st && !lp.infeasible)
        st = offer_of(s, m, &lp.certificate);

err_delete:
    atm__windows_delete(&w);
    atm__ilp_delete(&ilp);
    atm__model_delete(&m);
    return st == ATM_INTERNAL ? ATM_OK : st;
}

/* A sweep at each price of memory, from high to low: what saves little for the
 * room and the time that it takes waits until the rest has had its turn. The
 * unit is what fast memory saves on average. */
static void sweep_priced(struct atm__search *s)
{
    static const double price[] = {30, 10, 3, 1};
    double tie_s = s->work->tie_s;
    double unit = (s->best_s - s->bound) /
                  ((double)s->p->peak_bytes * s->p->n_kernels + 1);
    uint32_t i;

    for (i = 0; i < sizeof(price) / sizeof(price[0]); i++) {
        s->work->tie_s = price[i] * unit;
        atm__plan_descend(s->work, s->o->seed, 1);
    }
    s->work->tie_s = tie_s;
}

static enum atm_status search_plan(struct atm__search *s)
{
    struct atm_certificate nothing = {.budget = s->m->budget};
    enum atm_status st;
    bool done;

    /* a plan and a bound at once, and all there is if GLPK fails */
    st = offer_of(s, s->m, &nothing);
    if (!st && atm__plan_start(s->work)) {
        keep_if_better(s);
        if (s->best_s < INFINITY && s->best_s > s->bound &&
            !(s->m->without & ATM_PART_SWEEPS))
            sweep_priced(s);
        finish(s, s->o->seed);
    }
    done = interrupted(s);
    if (!st && !done && s->p->n_kernels > ATM__WINDOWS_MIN)
        st = by_windows(s, &done);
    if (!st && !done && !s->no_plan && s->p->n_kernels <= ATM__WHOLE_MAX)
        st = by_program(s);
    if (!st && s->m->static_only)
        st = certify_with_moves(s);
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

/* A tree of prices where those of the root leave more than the gap asked. */
static enum atm_status prove(struct atm__search *s)
{
    const struct atm__rounder rounder = {round_point, s};

    bool still = s->m->static_only;

    if (s->best_s == INFINITY || good_enough(s) || !s->ilp || interrupted(s) ||
        s->m->without & ATM_PART_TREE)
        return ATM_OK;
    return atm__prove(s->m, left_to_prove(s), s->best_s, &rounder,
                      s->best->arena, still ? &s->still : &s->certificate,
                      still ? &s->still_bound : &s->bound);
}

static void set_limits(struct atm__plan *a, const uint64_t *limit)
{
    uint32_t k;

    for (k = 0; k < a->m->p->n_kernels; k++)
        atm__plan_limit(a, k, limit[k]);
}

enum atm_status atm__search_again(struct atm__search *s,
                                  const struct atm__plan *from,
                                  const uint64_t *limit)
{
    bool small = s->p->n_kernels <= ATM__SMALL, again;
    enum atm_status st = ATM_OK;
    double proved;
    uint32_t i;

    s->best_s = INFINITY;
    atm__plan_copy(s->work, from);
    set_limits(s->work, limit);
    finish(s, s->o->seed);
    again = (s->ilp || s->windows) && !interrupted(s);
    if (again && s->ilp)
        st = atm__ilp_solve(s->ilp, limit, small, &s->lp);
    else if (again)
        st = atm__windows_limit(s->windows, limit, &s->lp);
    again = again && !st && !s->lp.infeasible && !s->lp.stopped;
    for (i = 0; i < 2 && again; i++) {
        set_limits(s->work, limit);
        rounding(s, i);
    }
    if (again && small &&
        !(gap_of(s->best_s, s->lp.bound) <= s->o->gap_target)) {
        set_limits(s->work, limit);
        st = atm__ilp_search(s->ilp, s->o, s->best, s->work, &s->best_s,
                             &proved);
    }
    if (st == ATM_INTERNAL) { /* GLPK failed: the rest works without it */
        atm__ilp_delete(&s->ilp);
        st = ATM_OK;
    }
    if (s->best_s == INFINITY && !st) {
        set_limits(s->work, limit);
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
    if (s->m->static_only) {
        a->still_bound = fmin(s->still_bound, a->objective);
        a->still_certificate =
            atm_arena_alloc(a->arena, sizeof(*a->still_certificate));
        if (!a->still_certificate ||
            atm__certificate_copy(a->arena, &s->still, a->still_certificate))
            return ATM_NOMEM;
    }
    return atm__certificate_copy(a->arena, &s->certificate, &a->certificate);
}

static enum atm_status run(const struct atm_problem *p,
                           const struct atm_plan_options *o, bool static_only,
                           struct atm_placement **out)
{
    struct atm_plan_options exact = *o;
    struct atm__search s = {.p = p,
                            .o = &exact,
                            .best_s = INFINITY,
                            .bound = -INFINITY,
                            .still_bound = -INFINITY,
                            .uncertified = -INFINITY};
    enum atm_status st;

    if (p->n_kernels <= ATM__TINY && o->gap_target < 1)
        exact.gap_target = 0;

    *out = NULL;
    st = atm__model_new(p, o->budget_bytes, static_only, &s.m);
    if (st)
        return st;
    s.m->stop = interrupted;
    s.m->stop_user = &s;
    s.m->without = o->without;
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
    atm__windows_delete(&s.windows);
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
