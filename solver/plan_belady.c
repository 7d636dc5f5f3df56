/* plan_belady.c - fetch on use, evict what is used again last (Belady 1966). */
#include "on_use.h"
#include "planner_rows.h"

static double score(const struct atm_held *h)
{
    return (double)h->next;
}

enum atm_status atm__plan_belady(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 struct atm_placement **placement)
{
    return atm__plan_on_use(p, o, score, placement);
}
