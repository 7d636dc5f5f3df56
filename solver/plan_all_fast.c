/* plan_all_fast.c - everything in fast memory, without limit: the mark that
 * every plan is measured against. Its budget is what it needs. */
#include "baseline.h"
#include "planner_rows.h"

/* Keeps a storage in fast memory between all stations that have it there. */
static void keep(const struct atm_baseline *b, uint32_t id)
{
    const struct atm_storage *s = &b->st.s[id];
    struct atm_path *path = &b->d.path[id];
    uint32_t m = s->n_stations, i;
    bool all = true;

    for (i = 0; i < m; i++) {
        /* a station whose variant does not use it goes with the one before */
        if (!atm__uses(&b->d, s->kernel[i], id))
            path->fast[i] = i > 0 && path->fast[i - 1];
        else
            all = all && path->fast[i];
    }
    if (s->arg && all && s->fixed != ATM_FIXED_SLOW) {
        path->resident = true;
        return;
    }
    /* the last gap: to the end of an output; not round, so that what may not
     * be resident is fetched once */
    for (i = 0; i < s->n_gaps; i++)
        path->kept[i] = path->fast[i] &&
                        (i + 1 < m ? path->fast[i + 1] : !s->circle);
}

enum atm_status atm__plan_all_fast(const struct atm_problem *p,
                                   const struct atm_plan_options *o,
                                   struct atm_placement **placement)
{
    struct atm_baseline b;
    enum atm_status st;
    uint32_t i;

    *placement = NULL;
    st = atm__baseline_new(p, &b);
    if (st)
        return st;
    st = atm__choose(&b, UINT64_MAX, atm__more_fast);
    for (i = 0; i < b.st.n && !st; i++)
        keep(&b, i);
    if (!st)
        st = atm__share(&b.d, b.arena);
    if (!st)
        st = atm__decide(&b.d, o->budget_bytes, placement);
    if (!st && (*placement)->packing.height > o->budget_bytes) {
        (*placement)->budget_bytes = (*placement)->packing.height;
        (*placement)->certificate.budget = (*placement)->packing.height;
    }
    atm__baseline_delete(&b);
    return st;
}
