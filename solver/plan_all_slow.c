/* plan_all_slow.c - the slowest honest plan: every operand is slow where it
 * may be, and what may not is fetched just in time and never kept. */
#include "baseline.h"
#include "planner_rows.h"

enum atm_status atm__plan_all_slow(const struct atm_problem *p,
                                   const struct atm_plan_options *o,
                                   struct atm_placement **placement)
{
    struct atm_baseline b;
    enum atm_status st;

    *placement = NULL;
    st = atm__baseline_new(p, &b);
    if (st)
        return st;
    st = atm__choose_slow(&b);
    if (!st)
        st = atm__decide(&b.d, o->budget_bytes, placement);
    if (!st && !atm__fits(p, *placement, o->budget_bytes)) {
        st = atm__fail_fit(p, o->budget_bytes, (*placement)->packing.height,
                           (*placement)->slow_peak_bytes);
        atm_placement_delete(placement);
    }
    atm__baseline_delete(&b);
    return st;
}
