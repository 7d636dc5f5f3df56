/* random_program.h - small random programs with feeds, weights, carried states,
 * accumulation chains, in-place pairs and scratch, for tests of all that lies
 * between program and schedule. */
#ifndef ATM_TESTS_RANDOM_PROGRAM_H
#define ATM_TESTS_RANDOM_PROGRAM_H

#include "autotm/program.h"

#include "arena.h"
#include "rng.h"

#include <string.h>

#define RP_TENSORS 64
#define RP_KERNELS 24

struct random_program {
    struct atm_program p;
    struct atm_graph graph;
    uint64_t seed, draw;
    bool dead[RP_TENSORS]; /* overwritten: no kernel may read it any more */
    uint32_t prev[RP_TENSORS]; /* carried: the state it updates */
};

static uint32_t rp_draw(struct random_program *r, uint32_t n)
{
    return (uint32_t)(atm_rng_u64(r->seed, r->draw++) % n);
}

static uint32_t rp_tensor(struct random_program *r, uint64_t bytes, bool arg)
{
    struct atm_tensor *t = &r->p.tensor[r->p.n_tensors];

    t->name = atm_arena_printf(r->p.arena, "t%u", (unsigned)r->p.n_tensors);
    t->value = ATM_NONE;
    t->dtype = ATM_U8;
    t->bytes = bytes;
    t->arg = arg;
    t->cls = arg ? ATM_CLASS_WEIGHT : ATM_CLASS_ACTIVATION;
    t->producer = ATM_NONE;
    r->prev[r->p.n_tensors] = ATM_NONE;
    return r->p.n_tensors++;
}

static void rp_operand(struct random_program *r, struct atm_operand *list,
                       uint32_t *n, uint32_t tensor)
{
    list[*n].tensor = tensor;
    list[(*n)++].touched = r->p.tensor[tensor].bytes;
}

static struct atm_kernel *rp_kernel(struct random_program *r,
                                    enum atm_kernel_kind kind)
{
    struct atm_kernel *k = &r->p.kernel[r->p.n_kernels];

    k->kind = kind;
    k->name = atm_arena_printf(r->p.arena, "k%u", (unsigned)r->p.n_kernels++);
    k->impl = "none";
    k->in = atm_arena_array(r->p.arena, 8, sizeof(*k->in));
    k->out = atm_arena_array(r->p.arena, 8, sizeof(*k->out));
    k->pair = atm_arena_array(r->p.arena, 8, sizeof(*k->pair));
    return k;
}

static uint32_t rp_out(struct random_program *r, struct atm_kernel *k,
                       uint64_t bytes)
{
    uint32_t t = rp_tensor(r, bytes, false);

    r->p.tensor[t].producer = (uint32_t)(k - r->p.kernel);
    rp_operand(r, k->out, &k->n_out, t);
    return t;
}

static bool rp_has(const struct atm_kernel *k, uint32_t tensor)
{
    uint32_t i;

    for (i = 0; i < k->n_in; i++)
        if (k->in[i].tensor == tensor)
            return true;
    return false;
}

/* A state is updated once in an iteration. */
static bool rp_is_new(const struct random_program *r, uint32_t tensor)
{
    return r->prev[tensor] != ATM_NONE && r->p.tensor[r->prev[tensor]].arg;
}

static void rp_run(struct random_program *r)
{
    struct atm_kernel *k = rp_kernel(r, ATM_KERNEL_RUN);
    uint32_t n = 1 + rp_draw(r, 3), i, out;
    struct atm_pair *pair = &k->pair[0];

    for (i = 0; i < n; i++) {
        uint32_t t = rp_draw(r, r->p.n_tensors);

        if (!r->dead[t] && (!rp_has(k, t) || rp_draw(r, 4) == 0))
            rp_operand(r, k->in, &k->n_in, t); /* now and then twice */
    }
    k->scratch_bytes = rp_draw(r, 2) * 64 * (1 + rp_draw(r, 3));
    if (k->n_in == 0 || rp_draw(r, 2)) {
        (void)rp_out(r, k, 64 * (1 + rp_draw(r, 4)));
        return;
    }
    out = rp_out(r, k, r->p.tensor[k->in[0].tensor].bytes);
    pair->in = 0;
    pair->out = 0;
    k->n_pairs = 1;
    i = k->in[0].tensor;
    if (rp_draw(r, 3) == 0 && !rp_is_new(r, i) &&
        !(k->n_in > 1 && k->in[1].tensor == i) &&
        !(k->n_in > 2 && k->in[2].tensor == i)) {
        /* update or accumulation: `in` is gone, `out` takes its storage */
        pair->must = true;
        r->dead[i] = true;
        r->prev[out] = i;
    }
}

static void rp_carry(struct random_program *r)
{
    uint32_t i;

    for (i = 0; i < r->p.n_tensors; i++) {
        if (!rp_is_new(r, i))
            continue;
        r->p.tensor[r->prev[i]].cls = ATM_CLASS_STATE;
        r->p.carry[r->p.n_carries].next = i;
        r->p.carry[r->p.n_carries++].prev = r->prev[i];
    }
}

static enum atm_status rp_make(struct random_program *r, uint64_t seed)
{
    uint32_t n_args, n_feeds, n_runs, i;

    memset(r, 0, sizeof(*r));
    r->seed = seed;
    r->graph.name = "random";
    r->p.arena = atm_arena_new();
    if (!r->p.arena)
        return ATM_NOMEM;
    r->p.graph = &r->graph;
    r->p.threads = 1;
    r->p.tensor = atm_arena_array(r->p.arena, RP_TENSORS,
                                  sizeof(*r->p.tensor));
    r->p.kernel = atm_arena_array(r->p.arena, RP_KERNELS,
                                  sizeof(*r->p.kernel));
    r->p.carry = atm_arena_array(r->p.arena, RP_TENSORS, sizeof(*r->p.carry));
    r->p.output = atm_arena_array(r->p.arena, RP_TENSORS,
                                  sizeof(*r->p.output));
    if (!r->p.tensor || !r->p.kernel || !r->p.carry || !r->p.output)
        return ATM_NOMEM;
    n_args = 1 + rp_draw(r, 4);
    n_feeds = 1 + rp_draw(r, 2);
    n_runs = 2 + rp_draw(r, 14);
    rp_kernel(r, ATM_KERNEL_LOAD)->scratch_bytes = 64 * rp_draw(r, 4);
    for (i = 0; i < n_args; i++)
        (void)rp_tensor(r, 64 * (1 + rp_draw(r, 4)), true);
    for (i = 0; i < n_feeds; i++)
        (void)rp_out(r, rp_kernel(r, ATM_KERNEL_FEED),
                     64 * (1 + rp_draw(r, 4)));
    for (i = 0; i < n_runs; i++)
        rp_run(r);
    rp_carry(r);
    for (i = n_args; i < r->p.n_tensors; i++) {
        if (r->dead[i] || rp_draw(r, 3))
            continue;
        r->p.tensor[i].out = true;
        rp_operand(r, r->p.output, &r->p.n_outputs, i);
    }
    return ATM_OK;
}

#endif
