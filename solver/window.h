/* window.h - the linear program of many kernels, a window of them at a time.
 */
#ifndef ATM_SOLVER_WINDOW_H
#define ATM_SOLVER_WINDOW_H

#include "model.h"

#define ATM__WINDOW 1024 /* kernels; half took more rounds, double more time */

struct atm__windows;

/* Windows of `width` >= 2 kernels. */
enum atm_status atm__windows_new(const struct atm__model *m, uint32_t width,
                                 struct atm__windows **w);
void atm__windows_delete(struct atm__windows **w); /* accepts null */
/* Solves each window once more: *r gets a point near the optimum of the linear
 * program, prices and the bound that they prove. It rises from round to round
 * but for lifted covers that are not found again: who calls keeps the best.
 * What r points to lives as long as w. */
enum atm_status atm__windows_round(struct atm__windows *w, struct atm__lp *r);
/* A point for other limits per kernel, where these have changed since the last
 * one; no prices come of it. */
enum atm_status atm__windows_limit(struct atm__windows *w,
                                   const uint64_t *limit, struct atm__lp *r);

#endif
