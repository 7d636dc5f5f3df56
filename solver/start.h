/* start.h - what the linear program of one budget leaves for the next: the
 * memory rows that it needed, and its basis. */
#ifndef ATM_SOLVER_START_H
#define ATM_SOLVER_START_H

#include "autotm/planner.h"

struct atm_plan_start {
    struct atm_arena *arena; /* of what follows; null: nothing yet */
    uint32_t n_row, n_col;   /* as built, without memory rows */
    uint32_t n_lazy;
    uint32_t *at;            /* kernel, or, with `slow`, phase of each */
    uint8_t *slow;
    uint8_t *row, *col;      /* GLPK's status of each, memory rows last */
};

/* Its lists, sized for the counts, empty. */
enum atm_status atm__plan_start_reset(struct atm_plan_start *s, uint32_t n_row,
                                      uint32_t n_col, uint32_t n_lazy);

#endif
