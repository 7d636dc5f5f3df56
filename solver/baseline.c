/* baseline.c - one entry for each kernel, chosen without regard to the rest. */
#include "baseline.h"

#include <inttypes.h>

/* Above this many operands a modelled table is not walked mask by mask: only
 * all fast and all slow are looked at. */
#define WALK_OPERANDS 12
#define ROUNDS 7 /* packings tried, each with less to fill */

enum atm_status atm__baseline_new(const struct atm_problem *p,
                                  struct atm_baseline *b)
{
    enum atm_status st;

    *b = (struct atm_baseline){.p = p, .arena = atm_arena_new()};
    if (!b->arena)
        return ATM_NOMEM;
    st = atm__problem_storages(p, b->arena, &b->st);
    if (!st)
        st = atm__decisions_new(p, &b->st, b->arena, &b->d);
    if (st)
        atm__baseline_delete(b);
    return st;
}

void atm__baseline_delete(struct atm_baseline *b)
{
    atm_arena_delete(b->arena);
    b->arena = NULL;
}

/* Every operand slow that may be; must pairs stay together. */
static uint64_t slow_mask(const struct atm_baseline *b, uint32_t kernel,
                          const struct atm_variant *v)
{
    const struct atm_problem_kernel *k = &b->p->kernel[kernel];
    uint64_t mask = 0;
    uint32_t i, j;

    for (j = 0; j < v->t.n; j++)
        if (v->t.slow[j] >= 0 &&
            !b->d.path[b->st.of[v->operand[j]]].resident)
            mask |= UINT64_C(1) << j;
    for (i = 0; i < k->n_pairs; i++) {
        uint64_t pair = 0;

        for (j = 0; k->pair[i].must && j < v->t.n; j++)
            if (v->operand[j] == k->operand[k->pair[i].in] ||
                v->operand[j] == k->operand[k->n_in + k->pair[i].out])
                pair |= UINT64_C(1) << j;
        if ((mask & pair) != pair)
            mask &= ~pair;
    }
    return mask;
}

static void consider(const struct atm_baseline *b, uint32_t kernel, uint32_t i,
                     uint64_t mask, uint64_t limit, atm_better_fn *better,
                     bool *any, struct atm_entry *held)
{
    const struct atm_problem *p = b->p;
    const struct atm_variant *v = &p->kernel[kernel].variant[i];
    struct atm_entry e = {.variant = i, .mask = mask};
    uint32_t j;

    if (!atm__problem_entry(p, kernel, i, mask, &e.bytes) || e.bytes > limit)
        return;
    e.seconds = atm_table_at(&v->t, mask);
    for (j = 0; j < v->t.n; j++)
        if (mask >> j & 1) {
            if (b->d.path[b->st.of[v->operand[j]]].resident)
                return; /* also what is carried into a fixed place */
            e.slow_bytes += p->tensor[v->operand[j]].bytes;
        }
    if (!*any || better(&e, held))
        *held = e;
    *any = true;
}

static void set_kernel(struct atm_baseline *b, uint32_t kernel,
                       const struct atm_entry *e)
{
    const struct atm_variant *v = &b->p->kernel[kernel].variant[e->variant];
    uint32_t i, j;

    b->d.variant[kernel] = e->variant;
    for (j = 0; j < v->t.n; j++) {
        uint32_t s = b->st.of[v->operand[j]];
        const struct atm_storage *g = &b->st.s[s];

        for (i = 0; i < g->n_stations && g->kernel[i] != kernel; i++)
            ;
        b->d.path[s].fast[i] = !(e->mask >> j & 1);
    }
}

enum atm_status atm__choose(struct atm_baseline *b, uint64_t limit,
                            atm_better_fn *better)
{
    uint32_t k, i;

    for (i = 0; i < b->st.n; i++)
        b->d.path[i].resident = b->st.s[i].fixed == ATM_FIXED_FAST;
    for (k = 0; k < b->p->n_kernels; k++) {
        struct atm_entry held = {0};
        bool any = false;
        uint64_t mask;

        for (i = 0; i < b->p->kernel[k].n_variants; i++) {
            const struct atm_variant *v = &b->p->kernel[k].variant[i];

            if (v->t.list || v->t.n <= WALK_OPERANDS) {
                for (mask = 0; mask < UINT64_C(1) << v->t.n; mask++)
                    consider(b, k, i, mask, limit, better, &any,
                             &held);
            } else {
                consider(b, k, i, 0, limit, better, &any, &held);
                consider(b, k, i, slow_mask(b, k, v), limit, better,
                         &any, &held);
            }
        }
        if (!any)
            return atm_fail(ATM_INFEASIBLE, "kernel %" PRIu32 " \"%s\" has no "
                            "allowed entry", k,
                            b->p->kernel[k].name ? b->p->kernel[k].name : "");
        set_kernel(b, k, &held);
    }
    return ATM_OK;
}

bool atm__more_fast(const struct atm_entry *e, const struct atm_entry *held)
{
    if (e->slow_bytes != held->slow_bytes)
        return e->slow_bytes < held->slow_bytes;
    return e->seconds < held->seconds;
}

static bool less_bytes(const struct atm_entry *e, const struct atm_entry *held)
{
    if (e->bytes != held->bytes)
        return e->bytes < held->bytes;
    return e->seconds < held->seconds;
}

enum atm_status atm__choose_slow(struct atm_baseline *b)
{
    enum atm_status st = atm__choose(b, UINT64_MAX, less_bytes);

    return st ? st : atm__share(&b->d, b->arena);
}

bool atm__fits(const struct atm_problem *p, const struct atm_placement *a,
               uint64_t budget)
{
    return a->packing.height <= budget && a->slow_peak_bytes <= p->slow_bytes;
}

enum atm_status atm__fail_fit(const struct atm_problem *p, uint64_t budget,
                              uint64_t fast_height, uint64_t slow_height)
{
    uint32_t k = 0;
    uint64_t least = atm_problem_min_budget(p, &k);

    if (fast_height <= budget)
        return atm_fail(ATM_INFEASIBLE, "slow memory: this plan needs %" PRIu64
                        " bytes and there are %" PRIu64 "; another planner "
                        "may do with less", slow_height, p->slow_bytes);
    return atm_fail(ATM_INFEASIBLE, "budget: no plan fits %" PRIu64 " bytes; "
                    "the smallest feasible budget is %" PRIu64 ", set by "
                    "kernel %" PRIu32 " \"%s\"", budget, least, k,
                    p->kernel[k].name ? p->kernel[k].name : "");
}

/* One plan that fills at most `fill`; null where its packing misses. */
static enum atm_status plan_once(const struct atm_problem *p, uint64_t budget,
                                 uint64_t fill, atm_policy_fn *policy,
                                 const void *user,
                                 struct atm_placement **placement,
                                 uint64_t *fast, uint64_t *slow)
{
    struct atm_baseline b;
    enum atm_status st;

    st = atm__baseline_new(p, &b);
    if (st)
        return st;
    st = policy ? policy(&b, fill, user) : atm__choose_slow(&b);
    if (!st)
        st = atm__share(&b.d, b.arena);
    if (!st)
        st = atm__decide(&b.d, budget, placement);
    if (!st) {
        *fast = (*placement)->packing.height;
        *slow = (*placement)->slow_peak_bytes;
        if (!atm__fits(p, *placement, budget))
            atm_placement_delete(placement);
    }
    atm__baseline_delete(&b);
    return st;
}

enum atm_status atm__baseline_plan(const struct atm_problem *p,
                                   const struct atm_plan_options *o,
                                   atm_policy_fn *policy, const void *user,
                                   struct atm_placement **placement)
{
    uint64_t fill = o->budget_bytes, fast = 0, slow = 0, over;
    enum atm_status st = ATM_OK;
    uint32_t i;

    *placement = NULL;
    for (i = 0; i <= ROUNDS && !st && !*placement; i++) {
        st = plan_once(p, o->budget_bytes, fill, i < ROUNDS ? policy : NULL,
                       user, placement, &fast, &slow);
        over = fast > o->budget_bytes ? fast - o->budget_bytes : 0;
        over = over < fill >> 2 * i ? over << 2 * i : fill;
        fill -= over;
        if (!st && *placement)
            (*placement)->packing.rounds = i + 1;
        if (!over && i + 1 < ROUNDS)
            i = ROUNDS - 1; /* the slow pool lacks: less to fill is no help */
    }
    if (!st && !*placement)
        st = atm__fail_fit(p, o->budget_bytes, fast, slow);
    return st;
}
