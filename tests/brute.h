/* brute.h - the optimum of a tiny planning problem by trying everything; no
 * code shared with the planners. */
#ifndef ATM_TEST_BRUTE_H
#define ATM_TEST_BRUTE_H

#include "autotm/problem.h"

/* Most plans that are tried: more is refused. */
#define BRUTE_MAX 3e6

/* Least objective within `budget` of fast bytes, addresses apart; INFINITY: no
 * plan; NAN: too large to try. */
double brute_optimum(const struct atm_problem *p, uint64_t budget);

#endif
