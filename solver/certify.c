/* certify.c - a bound for plans that were made without a linear program: the
 * prices of the relaxation say how far a baseline is from the best plan. */
#include "certify.h"

#include "arena.h"
#include "model.h"

#include <math.h>

/* Above this many kernels the relaxation takes longer than a baseline may. */
#define KERNELS_MAX 3000

enum atm_status atm__certificate_copy(struct atm_arena *arena,
                                      const struct atm_certificate *from,
                                      struct atm_certificate *to)
{
    const struct atm_certificate *yes = from->yes, *no = from->no;
    enum atm_status st;
    uint32_t i;

    *to = *from;
    if (from->split != ATM_SPLIT_NONE) {
        to->n_memory = to->n_slow_memory = to->n_operand = 0;
        to->n_pair = to->n_knapsack = 0;
        to->yes = atm_arena_alloc(arena, sizeof(*to->yes));
        to->no = atm_arena_alloc(arena, sizeof(*to->no));
        if (!to->yes || !to->no)
            return ATM_NOMEM;
        st = atm__certificate_copy(arena, yes, to->yes);
        return st ? st : atm__certificate_copy(arena, no, to->no);
    }
    to->memory = atm_arena_memdup(arena, from->memory,
                                  from->n_memory * sizeof(*to->memory));
    to->slow_memory =
        atm_arena_memdup(arena, from->slow_memory,
                         from->n_slow_memory * sizeof(*to->slow_memory));
    to->operand = atm_arena_memdup(arena, from->operand,
                                   from->n_operand * sizeof(*to->operand));
    to->pair =
        atm_arena_memdup(arena, from->pair, from->n_pair * sizeof(*to->pair));
    to->knapsack = atm_arena_memdup(arena, from->knapsack,
                                    from->n_knapsack * sizeof(*to->knapsack));
    if (!to->memory || !to->slow_memory || !to->operand || !to->pair ||
        !to->knapsack)
        return ATM_NOMEM;
    for (i = 0; i < to->n_knapsack; i++) {
        struct atm_price_knapsack *k = &to->knapsack[i];

        k->tensor =
            atm_arena_memdup(arena, k->tensor, k->n * sizeof(*k->tensor));
        k->a = atm_arena_memdup(arena, k->a, k->n * sizeof(*k->a));
        if (!k->tensor || !k->a)
            return ATM_NOMEM;
    }
    return ATM_OK;
}

/* Prices of the relaxation; ATM_INTERNAL: GLPK failed, or it has no solution.
 */
static enum atm_status price(const struct atm__model *m,
                             struct atm_placement *a, double *bound)
{
    struct atm__ilp *ilp = NULL;
    struct atm__lp lp = {0};
    enum atm_status st = atm__ilp_new(m, &ilp);

    if (!st)
        st = atm__ilp_solve(ilp, NULL, false, &lp);
    if (!st && lp.infeasible)
        st = ATM_INTERNAL;
    if (!st)
        st = atm__bound(m, &lp.certificate, bound);
    if (!st)
        st = atm__certificate_copy(a->arena, &lp.certificate, &a->certificate);
    atm__ilp_delete(&ilp);
    return st;
}

enum atm_status atm__certify(const struct atm_problem *p,
                             struct atm_placement *a)
{
    struct atm__model *m;
    enum atm_status st = atm__model_new(p, a->budget_bytes, false, &m);
    double bound = 0;

    if (st)
        return st;
    st = p->n_kernels <= KERNELS_MAX ? price(m, a, &bound) : ATM_INTERNAL;
    if (st == ATM_INTERNAL) {
        a->certificate = (struct atm_certificate){.budget = a->budget_bytes};
        st = atm__bound(m, &a->certificate, &bound);
    }
    atm__model_delete(&m);
    if (st)
        return st;
    a->lower_bound = fmin(bound, a->objective);
    a->gap =
        a->objective > 0 ? (a->objective - a->lower_bound) / a->objective : 0;
    a->status = a->objective - a->lower_bound <= 2e-9 + 1e-12 * a->objective
                    ? ATM_PLAN_OPTIMAL
                    : ATM_PLAN_FEASIBLE;
    return ATM_OK;
}
