/* async_problem.h - the synchronous problems that stand behind an asynchronous
 * one. Both share all that they do not change with the original. */
#ifndef ATM_SOLVER_ASYNC_PROBLEM_H
#define ATM_SOLVER_ASYNC_PROBLEM_H

#include "autotm/problem.h"

struct atm_arena;

/* Moves cost what they take alone at the bandwidths of `async`. */
enum atm_status atm__async_problem(const struct atm_problem *p,
                                   struct atm_arena *arena,
                                   struct atm_problem *out);

/* Of what atm__async_problem gave: kernel, read and write costs times the
 * weights, moves at the faster of alone and mixed bandwidth. Its bound is one
 * for the asynchronous problem when the weights' sum is 1, since the time of an
 * iteration is at least each of the three sums. */
enum atm_status atm__weighted_problem(const struct atm_problem *p,
                                      const double weights[3],
                                      struct atm_arena *arena,
                                      struct atm_problem *out);

#endif
