/* search.h - what plan_sync.c (the search for a plan) and fit.c (addresses for
 * it) share. */
#ifndef ATM_SOLVER_SEARCH_H
#define ATM_SOLVER_SEARCH_H

#include "decide.h"
#include "model.h"
#include "window.h"

/* Up to this many kernels everything is tried; above, what pays. */
#define ATM__SMALL 64
/* kernels up to which a plan is exact whatever gap is asked for: the search
 * costs milliseconds, and a plan that packing then changes has no slack */
#define ATM__TINY 16

/* kernels above which windows come before the whole linear program, and up to
 * which that is solved where they leave more than the gap asked for */
#define ATM__WINDOWS_MIN 2048
#define ATM__WHOLE_MAX 10000

struct atm__search {
    const struct atm_problem *p;
    const struct atm_plan_options *o;
    struct atm__model *m;      /* of the plans that are searched */
    struct atm__ilp *ilp;      /* null: GLPK failed, or not yet */
    struct atm__windows *windows; /* null: whole programs only */
    struct atm__lp lp;
    struct atm__plan *best, *work, *spare;
    double best_s;             /* INFINITY: none yet */
    struct atm_certificate certificate;
    double bound, uncertified;
    struct atm_certificate still; /* planner static: of plans without moves */
    double still_bound;
    bool no_plan;              /* the LP has no solution */
    uint32_t n_points;         /* rounded in a proof */
};

/* Makes s->best the best plan within `limit` per kernel, from the linear
 * program and, by repair, from the plan `from`. */
enum atm_status atm__search_again(struct atm__search *s,
                                  const struct atm__plan *from,
                                  const uint64_t *limit);

/* Addresses for s->best, or for a plan with less in fast memory where those
 * cannot be found. */
enum atm_status atm__fit(struct atm__search *s, struct atm_placement **out);

#endif
