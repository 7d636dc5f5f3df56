/* certify.h - a bound for plans that were made without a linear program. */
#ifndef ATM_SOLVER_CERTIFY_H
#define ATM_SOLVER_CERTIFY_H

#include "autotm/planner.h"

struct atm_arena;

/* A copy with all its arrays in `arena`. */
enum atm_status atm__certificate_copy(struct atm_arena *arena,
                                      const struct atm_certificate *from,
                                      struct atm_certificate *to);

/* Gives the placement the certificate of the problem's linear relaxation at
 * the placement's budget, with bound, gap and status. Where that would take
 * long, or GLPK fails, prices of nothing: each kernel at its best entry, each
 * storage without a move. */
enum atm_status atm__certify(const struct atm_problem *p,
                             struct atm_placement *a);

#endif
