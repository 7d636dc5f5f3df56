/* node_call.c - a node as its operator's rule sees it. */
#include "node_call.h"

#include "arena.h"

static enum atm_status view_of(const struct atm_graph *g, uint32_t value,
                               struct atm_arena *arena, struct atm_view *v)
{
    const struct atm_value *from;
    const struct atm_constant *c;

    if (value == ATM_NONE)
        return ATM_OK;
    from = &g->value[value];
    v->present = true;
    v->dtype = from->dtype;
    v->shape = from->shape;
    if (from->constant == ATM_NONE)
        return ATM_OK;
    c = &g->constant[from->constant];
    if (c->bytes > ATM_INFER_DATA_MAX)
        return ATM_OK;
    v->data = atm_arena_alloc(arena, (size_t)c->bytes);
    if (!v->data)
        return ATM_NOMEM;
    return atm_constant_read(g, value, 0, c->bytes, v->data);
}

enum atm_status atm_node_call(const struct atm_graph *g,
                              const struct atm_node *node,
                              struct atm_arena *arena, struct atm_call *call)
{
    enum atm_status st;
    uint32_t i;

    *call = (struct atm_call){
        .node = node, .graph = g, .n_in = node->n_in, .n_out = node->n_out};
    call->in = atm_arena_array(arena, node->n_in, sizeof(*call->in));
    call->out = atm_arena_array(arena, node->n_out, sizeof(*call->out));
    if (!call->in || !call->out)
        return ATM_NOMEM;
    for (i = 0; i < node->n_in; i++) {
        st = view_of(g, node->in[i], arena, &call->in[i]);
        if (st)
            return st;
    }
    for (i = 0; i < node->n_out; i++)
        call->out[i].present = node->out[i] != ATM_NONE;
    return ATM_OK;
}
