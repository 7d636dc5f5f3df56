/* graph_eval.h - evaluates a graph node by node with the reference kernels:
 * the oracle for passes, lowering and placements. For tests.
 *
 *     struct graph_eval e;
 *     ATM_ASSERT_OK(graph_eval(g, fill, user, &e));
 *     ... e.data[g->output[0]] ...
 *     graph_eval_clear(&e);
 */
#ifndef ATM_TEST_GRAPH_EVAL_H
#define ATM_TEST_GRAPH_EVAL_H

#include "arena.h"
#include "autotm/op.h"
#include "node_call.h"

#include <stdint.h>
#include <string.h>

struct graph_eval {
    struct atm_arena *arena;
    void **data; /* by value id; null: not computed */
};

/* Writes the bytes of graph input `value`. */
typedef void graph_eval_fill(const struct atm_graph *g, uint32_t value,
                             void *data, uint64_t bytes, void *user);

static inline void graph_eval_clear(struct graph_eval *e)
{
    atm_arena_delete(e->arena);
    memset(e, 0, sizeof(*e));
}

static inline enum atm_status graph_eval_alloc(const struct atm_graph *g,
                                               struct graph_eval *e,
                                               uint32_t value, uint64_t *bytes)
{
    const struct atm_value *v = &g->value[value];
    enum atm_status st = atm_shape_bytes(&v->shape, v->dtype, bytes);

    if (st)
        return st;
    e->data[value] = atm_arena_alloc(e->arena, (size_t)*bytes);
    return e->data[value] ? ATM_OK : ATM_NOMEM;
}

static inline enum atm_status graph_eval_node(const struct atm_graph *g,
                                              struct graph_eval *e,
                                              const struct atm_node *n)
{
    struct atm_call call;
    enum atm_status st;
    uint64_t bytes;
    uint32_t i;
    char *p;

    st = atm_node_call(g, n, e->arena, &call);
    for (i = 0; !st && i < n->n_in; i++)
        if (n->in[i] != ATM_NONE)
            call.in[i].data = e->data[n->in[i]];
    for (i = 0; !st && i < n->n_out; i++) {
        if (n->out[i] == ATM_NONE)
            continue;
        st = graph_eval_alloc(g, e, n->out[i], &bytes);
        call.out[i].dtype = g->value[n->out[i]].dtype;
        call.out[i].shape = g->value[n->out[i]].shape;
        call.out[i].data = e->data[n->out[i]];
    }
    if (st)
        return st;
    if (n->op->impl->scratch_bytes) {
        p = atm_arena_alloc(e->arena,
                            n->op->impl->scratch_bytes(&call) + ATM_ALIGN);
        if (!p)
            return ATM_NOMEM;
        call.scratch = p + (ATM_ALIGN - (uintptr_t)p % ATM_ALIGN) % ATM_ALIGN;
    }
    return atm_op_run_reference(&call);
}

static inline enum atm_status graph_eval(const struct atm_graph *g,
                                         graph_eval_fill *fill, void *user,
                                         struct graph_eval *e)
{
    enum atm_status st = ATM_OK;
    uint64_t bytes;
    uint32_t i;

    e->arena = atm_arena_new();
    e->data = e->arena
                  ? atm_arena_array(e->arena, g->n_values, sizeof(*e->data))
                  : NULL;
    if (!e->data)
        st = ATM_NOMEM;
    for (i = 0; !st && i < g->n_values; i++)
        if (g->value[i].constant != ATM_NONE) {
            st = graph_eval_alloc(g, e, i, &bytes);
            if (!st)
                st = atm_constant_read(g, i, 0, bytes, e->data[i]);
        }
    for (i = 0; !st && i < g->n_inputs; i++) {
        st = graph_eval_alloc(g, e, g->input[i], &bytes);
        if (!st)
            fill(g, g->input[i], e->data[g->input[i]], bytes, user);
    }
    for (i = 0; !st && i < g->n_nodes; i++)
        st = graph_eval_node(g, e, &g->node[i]);
    if (st)
        graph_eval_clear(e);
    return st;
}

#endif
