/* async_problem.c - copies of a problem with other costs. */
#include "async_problem.h"

#include "arena.h"

#include <math.h>

enum atm_status atm__async_problem(const struct atm_problem *p,
                                   struct atm_arena *arena,
                                   struct atm_problem *out)
{
    struct atm_problem_tensor *t =
        atm_arena_memdup(arena, p->tensor, p->n_tensors * sizeof(*t));
    uint32_t i;

    if (!t)
        return ATM_NOMEM;
    *out = *p;
    out->tensor = t;
    for (i = 0; i < p->n_tensors; i++) {
        double bytes = (double)t[i].bytes;

        if (!t[i].fetch_given)
            t[i].fetch_s = p->move_latency_s + bytes / p->async.read_bw;
        if (!t[i].evict_given)
            t[i].evict_s = p->move_latency_s + bytes / p->async.write_bw;
    }
    return ATM_OK;
}

static double *scaled(struct atm_arena *arena, const double *v, size_t n,
                      double by)
{
    double *to = atm_arena_memdup(arena, v, n * sizeof(*to));
    size_t i;

    for (i = 0; to && i < n; i++)
        to[i] = to[i] < 0 ? to[i] : to[i] * by; /* < 0: not allowed */
    return to;
}

static enum atm_status scale_table(struct atm_arena *arena, struct atm_table *t,
                                   double by)
{
    if (t->list) {
        t->list = scaled(arena, t->list, (size_t)1 << t->n, by);
        return t->list ? ATM_OK : ATM_NOMEM;
    }
    t->base *= by;
    t->slow = scaled(arena, t->slow, t->n, by);
    t->latency = scaled(arena, t->latency, t->n, by);
    return t->slow && t->latency ? ATM_OK : ATM_NOMEM;
}

enum atm_status atm__weighted_problem(const struct atm_problem *p,
                                      const double weights[3],
                                      struct atm_arena *arena,
                                      struct atm_problem *out)
{
    const struct atm_problem_async *a = &p->async;
    double reads = weights[1] * fmin(1, a->read_bw / a->mixed_read_bw);
    double writes = weights[2] * fmin(1, a->write_bw / a->mixed_write_bw);
    struct atm_problem_tensor *t =
        atm_arena_memdup(arena, p->tensor, p->n_tensors * sizeof(*t));
    struct atm_problem_kernel *k =
        atm_arena_memdup(arena, p->kernel, p->n_kernels * sizeof(*k));
    enum atm_status st = ATM_OK;
    uint32_t i, v;

    if (!t || !k)
        return ATM_NOMEM;
    *out = *p;
    out->tensor = t;
    out->kernel = k;
    for (i = 0; i < p->n_tensors; i++) {
        t[i].fetch_s *= reads;
        t[i].evict_s *= writes;
    }
    for (i = 0; i < p->n_kernels && !st; i++) {
        k[i].variant = atm_arena_memdup(arena, k[i].variant,
                                        k[i].n_variants * sizeof(*k->variant));
        if (!k[i].variant)
            return ATM_NOMEM;
        for (v = 0; v < k[i].n_variants && !st; v++)
            st = scale_table(arena, &k[i].variant[v].t, weights[0]);
    }
    return st;
}
