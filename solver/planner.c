/* planner.c - the registry of planners, and planning as a whole: does any plan
 * fit, plan, check. */
#include "certify.h"
#include "planner_rows.h"

#include "problem_storage.h"

#include "clock.h"

#include <inttypes.h>
#include <string.h>

static const struct atm_planner planners[] = {
#define PLANNER(symbol, name, help) {name, help, atm__plan_##symbol, NULL},
#define PREDICTOR(symbol, name, help) {name, help, NULL, atm__predict_##symbol},
#include "planners.def"
#undef PLANNER
#undef PREDICTOR
};

const struct atm_planner *atm_planner_at(uint32_t index)
{
    return index < sizeof(planners) / sizeof(planners[0]) ? &planners[index]
                                                          : NULL;
}

void atm_plan_options_init(struct atm_plan_options *o)
{
    memset(o, 0, sizeof(*o));
    o->planner = "sync";
    o->gap_target = 0.001;
    o->seed = 1;
}

const struct atm_planner *atm_planner_find(const char *name)
{
    uint32_t i;

    for (i = 0; i < sizeof(planners) / sizeof(planners[0]); i++)
        if (strcmp(planners[i].name, name) == 0)
            return &planners[i];
    return NULL;
}

static enum atm_status find(const char *name, const struct atm_planner **out)
{
    *out = atm_planner_find(name);
    if (!*out)
        return atm_fail(ATM_INVAL, "no planner is called '%s'", name);
    if (!(*out)->plan)
        return atm_fail(ATM_INVAL,
                        "planner '%s' is simulated: it predicts a time and has "
                        "no plan; `autotm plan --planner %s` shows it",
                        name, name);
    return ATM_OK;
}

static enum atm_status check_budget(const struct atm_problem *p,
                                    uint64_t budget)
{
    uint32_t kernel;
    uint64_t least = atm_problem_min_budget(p, &kernel);

    if (budget >= least)
        return ATM_OK;
    return atm_fail(ATM_INFEASIBLE,
                    "the budget of %" PRIu64 " bytes is below the smallest "
                    "feasible one, %" PRIu64 " bytes, which kernel %" PRIu32
                    " (%s) sets",
                    budget, least, kernel,
                    p->kernel[kernel].name ? p->kernel[kernel].name : "?");
}

/* What stands between a planner and the progress function: the time since the
 * start, and the time limit. Planners ask it, not the clock. */
struct watch {
    const struct atm_plan_options *o;
    double start;
    bool stop;
};

static bool watch(void *user, double seconds, double best, double bound)
{
    struct watch *w = user;

    seconds = atm_now_s() - w->start;
    if (w->o->progress && w->o->progress(w->o->user, seconds, best, bound))
        w->stop = true;
    if (w->o->time_limit_s > 0 && seconds >= w->o->time_limit_s)
        w->stop = true;
    return w->stop;
}

/* Planners without a linear program leave the bound to atm_plan. */
static bool unpriced(const struct atm_placement *a)
{
    const struct atm_certificate *c = &a->certificate;

    return a->lower_bound == 0 && !c->weighted && !c->n_memory &&
           !c->n_slow_memory && !c->n_operand && !c->n_pair && !c->n_knapsack;
}

enum atm_status atm_plan(const struct atm_problem *p,
                         const struct atm_plan_options *o,
                         struct atm_placement **placement)
{
    const struct atm_planner *planner = NULL;
    struct watch w = {o, atm_now_s(), false};
    struct atm_plan_options watched = *o;
    enum atm_status st;

    *placement = NULL;
    watched.progress = watch;
    watched.user = &w;
    st = find(o->planner, &planner);
    /* all-fast is a reference that no budget limits */
    if (!st && strcmp(planner->name, "all-fast") != 0)
        st = check_budget(p, o->budget_bytes);
    if (!st)
        st = planner->plan(p, &watched, placement);
    if (!st && unpriced(*placement))
        st = atm__certify(p, *placement);
    if (!st)
        st = atm_placement_check(p, *placement);
    if (st) {
        atm_placement_delete(placement);
        return st;
    }
    (*placement)->solve_seconds = atm_now_s() - w.start;
    return ATM_OK;
}
