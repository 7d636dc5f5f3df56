/* neighbour.h - better plans near the best one, without the linear program. */
#ifndef ATM_SOLVER_NEIGHBOUR_H
#define ATM_SOLVER_NEIGHBOUR_H

#include "search.h"

/* Improves s->best and s->best_s until the plan is within `goal` seconds or
 * the work is done; repeats by s->o->seed. s->work is used up. */
enum atm_status atm__neighbours(struct atm__search *s, double goal,
                                bool (*stop)(void *search));

#endif
