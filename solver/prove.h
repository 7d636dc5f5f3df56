/* prove.h - certificate trees: bounds by branching with prices. */
#ifndef ATM_SOLVER_PROVE_H
#define ATM_SOLVER_PROVE_H

#include "model.h"

struct atm_arena;

/* Splits the plans until each leaf's prices prove `goal` seconds, or the work
 * allowed is done. The tree, in `arena`, replaces *c, and its bound *bound,
 * only where it proves more. `best`: seconds of the best plan known, +INFINITY
 * of none. *point: where the tree ends in a whole point below the goal, its
 * weights of arcs (as in atm__lp): it may be a better plan; else null. */
enum atm_status atm__prove(const struct atm__model *m, double goal, double best,
                           struct atm_arena *arena, struct atm_certificate *c,
                           double *bound, double **point);

#endif
