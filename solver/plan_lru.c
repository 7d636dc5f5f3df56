/* plan_lru.c - fetch on use, evict what was used longest ago. */
#include "on_use.h"
#include "planner_rows.h"

static double score(const struct atm_held *h)
{
    return -(double)h->last;
}

enum atm_status atm__plan_lru(const struct atm_problem *p,
                              const struct atm_plan_options *o,
                              struct atm_placement **placement)
{
    return atm__plan_on_use(p, o, score, placement);
}
