/* prove.h - certificate trees: bounds by branching with prices. */
#ifndef ATM_SOLVER_PROVE_H
#define ATM_SOLVER_PROVE_H

#include "model.h"

struct atm_arena;

/* Makes plans of the points that the proof meets. */
struct atm__rounder {
    /* The point as weights of arcs (as in atm__lp); returns the seconds that
     * are left to prove, which fall when the plan gets better. */
    double (*round)(void *user, double *arc_weight);
    void *user;
};

/* Splits the plans until each leaf's prices prove `goal` seconds, or the work
 * allowed is done. The tree, in `arena`, replaces *c, and its bound *bound,
 * only where it proves more. `best`: seconds of the best plan known, +INFINITY
 * of none. `rounder` is asked at each leaf that stays open. */
enum atm_status atm__prove(const struct atm__model *m, double goal, double best,
                           const struct atm__rounder *rounder,
                           struct atm_arena *arena, struct atm_certificate *c,
                           double *bound);

#endif
