/* problem.c - the planning problem as a value: its end, its tables, its
 * smallest budget. */
#include "autotm/problem.h"

#include "arena.h"
#include "problem_storage.h"

#include <math.h>

void atm_problem_delete(struct atm_problem **problem)
{
    if (!*problem)
        return;
    atm_arena_delete((*problem)->arena);
    *problem = NULL;
}

double atm_table_at(const struct atm_table *t, uint64_t mask)
{
    double sum = 0, latency = 0;
    uint32_t j;

    if (t->list)
        return t->list[mask];
    for (j = 0; j < t->n; j++) {
        if (!(mask >> j & 1))
            continue;
        if (t->slow[j] < 0)
            return -1;
        sum += t->slow[j];
        latency += t->latency[j];
    }
    return (t->sum ? t->base + sum : fmax(t->base, sum)) + latency;
}

/* The most bytes that pairs p.. of kernel k can save where `in_fast` says
 * which tensors are fast: each operand shares once. Exact; a kernel has few
 * pairs, and beyond 16 the search takes each pair that it can. */
static uint64_t most_shared(const struct atm_problem *p,
                            const struct atm_problem_kernel *k, uint32_t at,
                            uint64_t fast, uint64_t taken)
{
    uint64_t with, without, bits = 0;
    uint32_t a = 0, b;

    for (; at < k->n_pairs; at++) {
        a = k->pair[at].in;
        b = k->n_in + k->pair[at].out;
        if (a >= 64 || b >= 64)
            continue;
        bits = UINT64_C(1) << a | UINT64_C(1) << b;
        if (!k->pair[at].must && (fast & bits) == bits && !(taken & bits))
            break;
    }
    if (at == k->n_pairs)
        return 0;
    with = p->tensor[k->operand[a]].bytes +
           most_shared(p, k, at + 1, fast, taken | bits);
    if (k->n_pairs > 16)
        return with;
    without = most_shared(p, k, at + 1, fast, taken);
    return with > without ? with : without;
}

bool atm__problem_entry(const struct atm_problem *p, uint32_t kernel,
                        uint32_t variant, uint64_t mask, uint64_t *bytes)
{
    const struct atm_problem_kernel *k = &p->kernel[kernel];
    const struct atm_variant *v = &k->variant[variant];
    uint64_t own = 0, taken = 0, need = v->scratch_bytes;
    uint32_t i, j;

    if (atm_table_at(&v->t, mask) < 0)
        return false;
    /* operands of the kernel's own list that the entry holds in fast memory,
     * by their position there: pairs are named by it */
    for (j = 0; j < v->t.n; j++) {
        const struct atm_problem_tensor *t = &p->tensor[v->operand[j]];
        bool slow = mask >> j & 1;

        if (slow && t->held)
            return false;
        if (slow)
            continue;
        if (!t->held)
            need += t->bytes;
        for (i = 0; i < k->n_in + k->n_out && i < 64; i++)
            if (k->operand[i] == v->operand[j] && !t->held)
                own |= UINT64_C(1) << i;
    }
    for (i = 0; i < k->n_pairs; i++) {
        uint32_t in = k->operand[k->pair[i].in];
        uint32_t out = k->operand[k->n_in + k->pair[i].out];
        int slow[2] = {-1, -1};

        if (!k->pair[i].must)
            continue;
        for (j = 0; j < v->t.n; j++) {
            if (v->operand[j] == in)
                slow[0] = (int)(mask >> j & 1);
            if (v->operand[j] == out)
                slow[1] = (int)(mask >> j & 1);
        }
        if (slow[0] != slow[1])
            return false;
        if (slow[0] == 0 && !p->tensor[out].held)
            need -= p->tensor[out].bytes;
        taken |= UINT64_C(1) << k->pair[i].in |
                 UINT64_C(1) << (k->n_in + k->pair[i].out);
    }
    *bytes = need - most_shared(p, k, 0, own, taken);
    return true;
}

/* Least need of a variant. A modelled table of many operands needs no walk
 * over its masks: all that may be slow is slow. */
static uint64_t variant_need(const struct atm_problem *p, uint32_t kernel,
                             uint32_t variant)
{
    const struct atm_variant *v = &p->kernel[kernel].variant[variant];
    uint64_t mask, bytes, least = UINT64_MAX;
    uint32_t j, i;

    if (v->t.list || v->t.n <= 12) {
        for (mask = 0; mask < UINT64_C(1) << v->t.n; mask++)
            if (atm__problem_entry(p, kernel, variant, mask, &bytes) &&
                bytes < least)
                least = bytes;
        return least;
    }
    for (mask = 0, j = 0; j < v->t.n; j++)
        if (v->t.slow[j] >= 0 && !p->tensor[v->operand[j]].held)
            mask |= UINT64_C(1) << j;
    for (i = 0; i < p->kernel[kernel].n_pairs; i++) {
        const struct atm_problem_kernel *k = &p->kernel[kernel];
        uint64_t pair = 0;

        if (!k->pair[i].must)
            continue;
        for (j = 0; j < v->t.n; j++)
            if (v->operand[j] == k->operand[k->pair[i].in] ||
                v->operand[j] == k->operand[k->n_in + k->pair[i].out])
                pair |= UINT64_C(1) << j;
        if ((mask & pair) != pair)
            mask &= ~pair;
    }
    return atm__problem_entry(p, kernel, variant, mask, &bytes) ? bytes
                                                                : least;
}

uint64_t atm__problem_need(const struct atm_problem *p, uint32_t kernel)
{
    uint64_t least = UINT64_MAX, need;
    uint32_t v;

    for (v = 0; v < p->kernel[kernel].n_variants; v++) {
        need = variant_need(p, kernel, v);
        least = need < least ? need : least;
    }
    return least;
}

uint64_t atm_problem_min_budget(const struct atm_problem *p, uint32_t *kernel)
{
    uint64_t fixed = 0, top = 0, worst = 0;
    uint32_t i;

    for (i = 0; i < p->n_tensors; i++)
        if (p->tensor[i].fixed == ATM_FIXED_FAST) {
            uint64_t end = p->tensor[i].fixed_offset + p->tensor[i].bytes;

            fixed += p->tensor[i].bytes;
            top = end > top ? end : top;
        }
    *kernel = 0;
    for (i = 0; i < p->n_kernels; i++) {
        uint64_t least = atm__problem_need(p, i);

        if (least > worst) {
            worst = least;
            *kernel = i;
        }
    }
    if (worst > UINT64_MAX - fixed)
        return UINT64_MAX; /* a kernel without any entry */
    return worst + fixed > top ? worst + fixed : top;
}
