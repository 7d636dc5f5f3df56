/* plan_interleave.c - pages in turn in both tiers, while fast memory lasts: a
 * prediction, since no tensor lies in one place. */
#include "baseline.h"
#include "planner_rows.h"

#include <math.h>

static bool more_slow(const struct atm_entry *e, const struct atm_entry *held)
{
    if (e->slow_bytes != held->slow_bytes)
        return e->slow_bytes > held->slow_bytes;
    return e->seconds < held->seconds;
}

/* Seconds of all kernels, each at its best entry. */
static enum atm_status sum_of(const struct atm_problem *p,
                              atm_better_fn *better, double *seconds)
{
    struct atm_baseline b;
    enum atm_status st = atm__baseline_new(p, &b);
    uint32_t k;

    if (st)
        return st;
    st = atm__choose(&b, UINT64_MAX, better);
    for (*seconds = 0, k = 0; k < p->n_kernels && !st; k++)
        *seconds += atm_table_at(&p->kernel[k].variant[b.d.variant[k]].t,
                                 atm__mask(&b.d, k));
    atm__baseline_delete(&b);
    return st;
}

enum atm_status atm__predict_interleave(const struct atm_problem *p,
                                        const struct atm_plan_options *o,
                                        struct atm_prediction *prediction)
{
    double fast = 0, slow = 0, share = 0.5;
    enum atm_status st = sum_of(p, atm__more_fast, &fast);

    if (!st)
        st = sum_of(p, more_slow, &slow);
    if (p->peak_bytes)
        share = fmin(share, (double)o->budget_bytes / (double)p->peak_bytes);
    *prediction = (struct atm_prediction){share * fast + (1 - share) * slow, 0};
    return st;
}
