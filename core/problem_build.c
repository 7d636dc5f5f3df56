/* problem_build.c - program + profile -> planning problem. Ids are kept: tensor
 * and kernel i of the problem are those of the program. */
#include "autotm/problem.h"

#include "arena.h"

#include <inttypes.h>

static enum atm_status fill_tensor(struct atm_arena *arena,
                                   struct atm_problem_tensor *t,
                                   const struct atm_tensor *from,
                                   const struct atm_profile *profile)
{
    t->name = atm_arena_strdup(arena, from->name);
    if (!t->name)
        return ATM_NOMEM;
    t->kind = atm_tensor_class_name(from->cls);
    t->bytes = from->bytes;
    t->arg = from->arg;
    t->out = from->out;
    t->fetch_s = atm_profile_move(profile, from->bytes, false);
    t->evict_s = atm_profile_move(profile, from->bytes, true);
    t->fetch_given = t->evict_given = true;
    return ATM_OK;
}

/* Measured vectors where there are any, else the clock model's numbers. */
static enum atm_status fill_table(struct atm_arena *arena, struct atm_table *t,
                                  const struct atm_kernel_time *from)
{
    uint64_t m;
    uint32_t i;

    t->n = from->n_operands;
    if (from->table || t->n == 0) {
        t->list = atm_arena_array(arena, (size_t)1 << t->n, sizeof(*t->list));
        if (!t->list)
            return ATM_NOMEM;
        t->list[0] = from->fast.seconds;
        for (m = 0; from->table && m < UINT64_C(1) << t->n; m++)
            t->list[m] = from->table[m].seconds;
        return ATM_OK;
    }
    t->base = from->fast.seconds;
    t->slow = atm_arena_array(arena, t->n, sizeof(*t->slow));
    t->latency = atm_arena_array(arena, t->n, sizeof(*t->latency));
    if (!t->slow || !t->latency)
        return ATM_NOMEM;
    for (i = 0; i < t->n; i++) {
        t->slow[i] = from->slow_s[i];
        t->latency[i] = from->slow_s[i] < 0 ? 0 : from->latency_s[i];
    }
    return ATM_OK;
}

static uint32_t position(const uint32_t *list, uint32_t n, uint32_t tensor)
{
    uint32_t i;

    for (i = 0; i < n && list[i] != tensor; i++)
        ;
    return i;
}

/* The program's pairs are positions among operands that may repeat; here each
 * tensor stands once. A may pair needs equal sizes: others are no pairs. */
static enum atm_status fill_pairs(struct atm_arena *arena,
                                  const struct atm_program *g,
                                  const struct atm_kernel *from,
                                  struct atm_problem_kernel *k)
{
    uint32_t i, j;

    k->pair = atm_arena_array(arena, from->n_pairs, sizeof(*k->pair));
    if (!k->pair)
        return ATM_NOMEM;
    for (i = 0; i < from->n_pairs; i++) {
        uint32_t a = from->in[from->pair[i].in].tensor;
        uint32_t b = from->out[from->pair[i].out].tensor;
        struct atm_problem_pair *p = &k->pair[k->n_pairs];

        p->in = position(k->operand, k->n_in, a);
        p->out = position(k->operand + k->n_in, k->n_out, b);
        p->must = from->pair[i].must;
        for (j = 0; j < k->n_pairs; j++)
            if (k->pair[j].in == p->in && k->pair[j].out == p->out)
                break;
        if (j == k->n_pairs &&
            (p->must || g->tensor[a].bytes == g->tensor[b].bytes))
            k->n_pairs++;
    }
    return ATM_OK;
}

static enum atm_status fill_kernel(struct atm_arena *arena,
                                   const struct atm_program *g,
                                   const struct atm_profile *profile,
                                   uint32_t id, struct atm_problem_kernel *k)
{
    const struct atm_kernel *from = &g->kernel[id];
    const struct atm_kernel_time *time = &profile->kernel[id];
    struct atm_variant *v = atm_arena_array(arena, 1, sizeof(*v));
    enum atm_status st;

    k->name = atm_arena_strdup(arena, from->name);
    if (!v || !k->name)
        return ATM_NOMEM;
    k->n_in = time->n_in;
    k->n_out = time->n_operands - time->n_in;
    k->operand = atm_arena_memdup(arena, time->tensor,
                                  time->n_operands * sizeof(*time->tensor));
    if (!k->operand)
        return ATM_NOMEM;
    v->n_in = k->n_in;
    v->n_out = k->n_out;
    v->operand = k->operand;
    v->scratch_bytes = from->scratch_bytes;
    k->n_variants = 1;
    k->variant = v;
    st = fill_table(arena, &v->t, time);
    return st ? st : fill_pairs(arena, g, from, k);
}

static struct atm_problem_async overlap(const struct atm_profile *profile)
{
    const struct atm_overlap *o = &profile->overlap;
    double read = profile->tier[1].read_bw, write = profile->tier[1].write_bw;

    return (struct atm_problem_async){
        .read_bw = read,
        .write_bw = write,
        .mixed_read_bw = o->mixed_read * read,
        .mixed_write_bw = o->mixed_write * write,
        .copy_slowdown = o->copy_slowdown,
        .kernel_slowdown = o->kernel_slowdown};
}

static enum atm_status fill(struct atm_problem *p, const struct atm_program *g,
                            const struct atm_profile *profile)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    p->cyclic = true;
    p->align = ATM_ALIGN;
    for (i = 0; i < 2; i++) /* both ends of a transfer */
        if (profile->tier[i].move_align > p->align)
            p->align = profile->tier[i].move_align;
    p->read_bw = profile->tier[1].read_bw;
    p->write_bw = profile->tier[1].write_bw;
    p->move_latency_s = profile->tier[1].latency_s;
    p->has_async = true;
    p->async = overlap(profile);
    p->n_tensors = g->n_tensors;
    p->n_kernels = g->n_kernels;
    p->n_carries = g->n_carries;
    p->tensor = atm_arena_array(p->arena, p->n_tensors, sizeof(*p->tensor));
    p->kernel = atm_arena_array(p->arena, p->n_kernels, sizeof(*p->kernel));
    p->carry = atm_arena_memdup(p->arena, g->carry,
                                g->n_carries * sizeof(*g->carry));
    if (!p->tensor || !p->kernel || !p->carry)
        return ATM_NOMEM;
    for (i = 0; i < g->n_tensors && !st; i++)
        st = fill_tensor(p->arena, &p->tensor[i], &g->tensor[i], profile);
    for (i = 0; i < g->n_kernels && !st; i++)
        st = fill_kernel(p->arena, g, profile, i, &p->kernel[i]);
    return st ? st : atm_problem_check(p);
}

enum atm_status atm_problem_from_program(const struct atm_program *program,
                                         const struct atm_profile *profile,
                                         uint64_t slow_bytes,
                                         struct atm_problem **problem)
{
    struct atm_arena *arena;
    struct atm_problem *p;
    enum atm_status st = ATM_NOMEM;

    *problem = NULL;
    if (profile->n_kernels != program->n_kernels)
        return atm_fail(ATM_INVAL, "profile: it has %" PRIu32 " kernels, the "
                        "program %" PRIu32, profile->n_kernels,
                        program->n_kernels);
    arena = atm_arena_new();
    if (!arena)
        return ATM_NOMEM;
    p = atm_arena_array(arena, 1, sizeof(*p));
    if (!p)
        goto err_delete_arena;
    p->arena = arena;
    p->slow_bytes = slow_bytes;
    p->name = atm_arena_strdup(arena, program->graph->name);
    if (!p->name)
        goto err_delete_arena;
    st = fill(p, program, profile);
    if (st)
        goto err_delete_arena;
    *problem = p;
    return ATM_OK;

err_delete_arena:
    atm_arena_delete(arena);
    return st;
}
