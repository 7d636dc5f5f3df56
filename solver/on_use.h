/* on_use.h - planners that fetch a tensor when a kernel uses it and, when fast
 * memory is full, evict by a score. */
#ifndef ATM_SOLVER_ON_USE_H
#define ATM_SOLVER_ON_USE_H

#include "baseline.h"

/* A storage in fast memory that the kernel at hand does not use. Times count
 * kernels; `next` is beyond the last kernel in the next iteration, UINT32_MAX:
 * not needed again. */
struct atm_held {
    uint32_t last, next;
    uint64_t bytes;
    double cost_s; /* of leaving now: its write, if any, and the next fetch */
};

/* The storage of the highest score is evicted first. */
typedef double atm_score_fn(const struct atm_held *h);

enum atm_status atm__plan_on_use(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 atm_score_fn *score,
                                 struct atm_placement **placement);

#endif
