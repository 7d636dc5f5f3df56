/* split.c - what the splits of a certificate tree leave of paths and entries.
 */
#include "split.h"

bool atm__split_valid(const struct atm__model *m, const struct atm__split *x)
{
    const struct atm_problem *p = m->p;

    switch (x->kind) {
    case ATM_SPLIT_STATION:
        return x->at < p->n_tensors && x->index < m->st.n_stations[x->at];
    case ATM_SPLIT_GAP:
        return x->at < p->n_tensors && x->index < m->st.n_gaps[x->at];
    case ATM_SPLIT_VARIANT:
        return x->at < p->n_kernels && x->index < p->kernel[x->at].n_variants;
    case ATM_SPLIT_RESIDENT:
        return x->at < p->n_tensors &&
               m->st.s[m->st.of[x->at]].tensor[0] == x->at;
    case ATM_SPLIT_NONE:
        break;
    }
    return false;
}

bool atm__split_variant(uint32_t k, uint32_t v, const struct atm__split *x,
                        uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (x[i].kind == ATM_SPLIT_VARIANT && x[i].at == k &&
            (x[i].index == v) != x[i].yes)
            return false;
    return true;
}

/* What is fetched at kernel k is read there; what is lost is not read, by a
 * variant that is left. */
static bool read_fits(const struct atm__model *m, uint32_t k, uint32_t s,
                      const struct atm__arc *arc, const struct atm__split *x,
                      uint32_t n)
{
    const struct atm__kernel *q = &m->kernel[k];
    uint32_t v, j = atm__use_index(m, k, s);
    bool fits = false;

    for (v = 0; v < m->p->kernel[k].n_variants; v++)
        if (atm__split_variant(k, v, x, n) &&
            (arc->lost ? !(q->all[v] >> j & 1) : q->all[v] >> j & 1))
            fits = true;
    return fits;
}

/* Does the split, of storage s, leave the arc? */
static bool leaves(const struct atm__model *m, uint32_t s,
                   const struct atm__arc *arc, const struct atm__split *x)
{
    uint32_t i = m->st.first[x->at] + x->index;

    switch (x->kind) {
    case ATM_SPLIT_RESIDENT:
        return arc->resident == x->yes;
    case ATM_SPLIT_STATION:
        if (arc->resident)
            return x->yes;
        return arc->station != i || arc->fast == x->yes;
    case ATM_SPLIT_GAP:
        if (arc->resident)
            return x->yes;
        if (i + 1 == m->st.s[s].n_stations)
            return arc->station != ATM_NONE || arc->keep == x->yes;
        return arc->station != i + 1 || arc->keep == x->yes;
    case ATM_SPLIT_VARIANT:
    case ATM_SPLIT_NONE:
        break;
    }
    return true;
}

bool atm__split_arc(const struct atm__model *m, uint32_t s,
                    const struct atm__arc *arc, const struct atm__split *x,
                    uint32_t n)
{
    uint32_t i, k = arc->station == ATM_NONE ? ATM_NONE
                                             : m->st.s[s].kernel[arc->station];
    bool varied = false;

    for (i = 0; i < n; i++) {
        if (x[i].kind == ATM_SPLIT_VARIANT)
            varied |= x[i].at == k;
        else if (m->st.of[x[i].at] == s && !leaves(m, s, arc, &x[i]))
            return false;
    }
    return !varied || !(arc->lost || arc->fetch) ||
           read_fits(m, k, s, arc, x, n);
}

struct atm__place_of_use atm__split_uses(const struct atm__model *m, uint32_t k,
                                         const struct atm__split *x, uint32_t n)
{
    const struct atm__kernel *q = &m->kernel[k];
    struct atm__place_of_use at = {0, 0};
    uint32_t i, j;

    for (i = 0; i < n; i++) {
        if (x[i].kind == ATM_SPLIT_VARIANT || x[i].kind == ATM_SPLIT_GAP)
            continue;
        for (j = 0; j < q->n; j++) {
            if (q->use[j].storage != m->st.of[x[i].at])
                continue;
            if (x[i].kind == ATM_SPLIT_RESIDENT)
                at.fast |= x[i].yes ? UINT64_C(1) << j : 0;
            else if (q->use[j].station == m->st.first[x[i].at] + x[i].index)
                *(x[i].yes ? &at.fast : &at.slow) |= UINT64_C(1) << j;
        }
    }
    return at;
}

static bool takes_yes(const struct atm_placement *a,
                      const struct atm_certificate *c)
{
    switch (c->split) {
    case ATM_SPLIT_VARIANT:
        return a->variant[c->split_at] == c->split_index;
    case ATM_SPLIT_STATION:
        return a->resident[c->split_at] ||
               a->fast_at_use[c->split_at][c->split_index];
    case ATM_SPLIT_GAP:
        return a->resident[c->split_at] ||
               a->kept_after[c->split_at][c->split_index];
    case ATM_SPLIT_RESIDENT:
        return a->resident[c->split_at];
    case ATM_SPLIT_NONE:
        break;
    }
    return false;
}

const struct atm_certificate *
atm_certificate_leaf(const struct atm_placement *a)
{
    const struct atm_certificate *c = &a->certificate;

    while (c->split != ATM_SPLIT_NONE)
        c = takes_yes(a, c) ? c->yes : c->no;
    return c;
}
