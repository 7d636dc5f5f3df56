/* envelope.c - certificates at budgets they were not made for.
 *
 * Prices prove a bound at any budget; only a cut's right side depends on it.
 * There the largest sum that any set of its storages within the budget reaches
 * takes its place, found by dynamic programming over the sum: the strongest
 * cut with the same left side, valid by construction.
 */
#include "autotm/planner.h"

#include "model.h"

#include "arena.h"

#include <math.h>
#include <string.h>

/* Sums of a cut's coefficients that are worth listing; beyond, the cut is
 * dropped, which only weakens the bound. */
#define SUM_MAX 100000

static uint64_t room_at(const struct atm_problem *p, uint32_t k,
                        uint64_t budget)
{
    uint64_t least = UINT64_MAX;
    uint32_t v;

    for (v = 0; v < p->kernel[k].n_variants; v++)
        if (p->kernel[k].variant[v].scratch_bytes < least)
            least = p->kernel[k].variant[v].scratch_bytes;
    return budget > least ? budget - least : 0;
}

/* Largest sum of a over the storages that fit together; -1: not known. */
static int64_t largest_sum(const struct atm_problem *p,
                           const struct atm_price_knapsack *q, uint64_t room,
                           uint64_t *lightest)
{
    int64_t sum = 0, have, best = 0;
    uint32_t i;

    lightest[0] = 0;
    for (i = 0; i < q->n; i++) {
        uint64_t bytes = p->tensor[q->tensor[i]].bytes;

        if (q->a[i] <= 0 || q->a[i] > SUM_MAX - sum)
            return -1;
        for (have = sum + 1; have <= sum + q->a[i]; have++)
            lightest[have] = UINT64_MAX;
        sum += q->a[i];
        for (have = sum; have >= q->a[i]; have--) {
            uint64_t before = lightest[have - q->a[i]];

            if (before <= room && bytes <= room - before &&
                before + bytes < lightest[have])
                lightest[have] = before + bytes;
        }
    }
    for (have = 0; have <= sum; have++)
        if (lightest[have] <= room)
            best = have;
    return best;
}

static enum atm_status leaf_at(const struct atm_problem *p,
                               const struct atm_certificate *c, uint64_t budget,
                               uint64_t *lightest, struct atm_arena *arena,
                               struct atm_certificate *out)
{
    uint32_t i;

    out->n_knapsack = 0;
    out->knapsack =
        atm_arena_array(arena, c->n_knapsack, sizeof(*out->knapsack));
    if (!out->knapsack)
        return ATM_NOMEM;
    for (i = 0; i < c->n_knapsack; i++) {
        struct atm_price_knapsack q = c->knapsack[i];

        if (q.kernel >= p->n_kernels)
            continue;
        q.b = largest_sum(p, &q, room_at(p, q.kernel, budget), lightest);
        if (q.b >= 0)
            out->knapsack[out->n_knapsack++] = q;
    }
    return ATM_OK;
}

static enum atm_status node_at(const struct atm_problem *p,
                               const struct atm_certificate *c, uint64_t budget,
                               uint64_t *lightest, struct atm_arena *arena,
                               struct atm_certificate *out)
{
    enum atm_status st;

    *out = *c;
    out->budget = budget;
    if (c->split == ATM_SPLIT_NONE)
        return leaf_at(p, c, budget, lightest, arena, out);
    out->yes = atm_arena_alloc(arena, sizeof(*out->yes));
    out->no = atm_arena_alloc(arena, sizeof(*out->no));
    if (!out->yes || !out->no)
        return ATM_NOMEM;
    st = node_at(p, c->yes, budget, lightest, arena, out->yes);
    return st ? st : node_at(p, c->no, budget, lightest, arena, out->no);
}

enum atm_status atm_certificate_at(const struct atm_problem *p,
                                   const struct atm_certificate *c,
                                   uint64_t budget, struct atm_arena *arena,
                                   struct atm_certificate *out)
{
    enum atm_status st;
    uint64_t *lightest;

    *out = *c;
    if (budget == c->budget)
        return ATM_OK;
    lightest = atm_alloc_array(SUM_MAX + 1, sizeof(*lightest));
    if (!lightest)
        return ATM_NOMEM;
    st = node_at(p, c, budget, lightest, arena, out);
    atm_free(lightest);
    return st;
}

enum atm_status
atm_certificate_envelope(const struct atm_problem *p, uint32_t n,
                         const struct atm_certificate *c, uint32_t n_budgets,
                         const uint64_t *budget, double *bound, uint32_t *from)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm__model *m = NULL;
    struct atm_certificate at;
    enum atm_status st = arena ? ATM_OK : ATM_NOMEM;
    uint32_t i, j;
    double b;

    for (j = 0; j < n_budgets; j++) {
        bound[j] = 0;
        from[j] = ATM_NONE;
    }
    if (!st && n) /* paths and tables do not depend on the budget */
        st = atm__model_new(p, c[0].budget, false, &m);
    for (i = 0; i < n && !st; i++)
        for (j = 0; j < n_budgets && !st; j++) {
            st = atm_certificate_at(p, &c[i], budget[j], arena, &at);
            if (!st) /* weights change what the paths cost */
                st = at.weighted ? atm_certificate_bound(p, &at, &b)
                                 : atm__bound(m, &at, &b);
            if (!st && (from[j] == ATM_NONE || b > bound[j])) {
                bound[j] = b;
                from[j] = i;
            }
        }
    if (m)
        atm__model_delete(&m);
    atm_arena_delete(arena);
    return st;
}
