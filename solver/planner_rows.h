/* planner_rows.h - the planners of planners.def, declared. */
#ifndef ATM_SOLVER_PLANNER_ROWS_H
#define ATM_SOLVER_PLANNER_ROWS_H

#include "autotm/planner.h"

#define PLANNER(symbol, name, help)                                            \
    enum atm_status atm__plan_##symbol(const struct atm_problem *p,            \
                                       const struct atm_plan_options *o,      \
                                       struct atm_placement **placement);
#define PREDICTOR(symbol, name, help)                                          \
    enum atm_status atm__predict_##symbol(                                     \
        const struct atm_problem *p, const struct atm_plan_options *o,         \
        struct atm_prediction *prediction);
#include "planners.def"
#undef PLANNER
#undef PREDICTOR

#endif
