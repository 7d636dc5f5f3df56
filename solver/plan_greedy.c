/* plan_greedy.c - fetch on use, evict what costs least a byte: its write if it
 * has no slow copy, and its next fetch. */
#include "on_use.h"
#include "planner_rows.h"

static double score(const struct atm_held *h)
{
    return h->bytes ? -h->cost_s / (double)h->bytes : 0;
}

enum atm_status atm__plan_greedy(const struct atm_problem *p,
                                 const struct atm_plan_options *o,
                                 struct atm_placement **placement)
{
    return atm__plan_on_use(p, o, score, placement);
}
