/* reference.c - any operator by its reference kernel, on row-major operands;
 * functions of each element alone on the bytes as they lie. */
#include "kernels.h"

#include "arena.h"

#include <string.h>

static const struct atm__detail detail = {&atm__impl_reference};

static struct atm_view view_of(enum atm_dtype dtype,
                               const struct atm_shape *shape)
{
    return (struct atm_view){.present = true, .dtype = dtype, .shape = *shape};
}

/* The call that the operator will see, without addresses. */
static enum atm_status make_call(struct atm_arena *arena,
                                 const struct atm_graph *g,
                                 const struct atm_node *n,
                                 struct atm_call *call)
{
    uint32_t i;

    *call = (struct atm_call){.node = n, .graph = g,
                              .n_in = n->n_in, .n_out = n->n_out};
    call->in = atm_arena_array(arena, n->n_in, sizeof(*call->in));
    call->out = atm_arena_array(arena, n->n_out, sizeof(*call->out));
    if (!call->in || !call->out)
        return ATM_NOMEM;
    for (i = 0; i < n->n_in; i++)
        if (n->in[i] != ATM_NONE)
            call->in[i] = view_of(g->value[n->in[i]].dtype,
                                  &g->value[n->in[i]].shape);
    for (i = 0; i < n->n_out; i++)
        if (n->out[i] != ATM_NONE)
            call->out[i] = view_of(g->value[n->out[i]].dtype,
                                   &g->value[n->out[i]].shape);
    return ATM_OK;
}

static bool same(const struct atm_view *a, const struct atm_view *b)
{
    return a->present && b->present && a->dtype == b->dtype &&
           atm_shape_equal(&a->shape, &b->shape);
}

/* A unary function needs no reorder: each element alone decides, and padding
 * stays zero, or there is none. */
static bool flat(const struct atm__lower *l, const struct atm_node *n,
                 const struct atm_layout *now)
{
    const struct atm_value *v = &l->g->value[n->in[0]];
    uint64_t padded, bytes;

    return n->op->flags & ATM_OP_ELEMENTWISE && n->n_out == 1 &&
           !atm_layout_is_plain(now, v->shape.rank) &&
           l->g->value[n->out[0]].dtype == v->dtype &&
           !atm_layout_bytes(now, &v->shape, v->dtype, &padded) &&
           !atm_shape_bytes(&v->shape, v->dtype, &bytes) &&
           (padded == bytes || n->op->flags & ATM_OP_ZERO);
}

static enum atm_status reference_offer(const struct atm__lower *l,
                                       const struct atm_node *n,
                                       struct atm__offer *o)
{
    const struct atm_op *op = n->op;
    struct atm_arena *arena = l->p->arena;
    struct atm_layout now;
    struct atm_call call;
    enum atm_status st;
    uint32_t i;

    st = make_call(arena, l->g, n, &call);
    if (st)
        return st;
    o->in = atm_arena_array(arena, n->n_in, sizeof(*o->in));
    o->out = atm_arena_array(arena, n->n_out, sizeof(*o->out));
    o->impl = atm_arena_printf(arena, "ref:%s", op->name);
    if (!o->in || !o->out || !o->impl)
        return ATM_NOMEM;
    o->by = &atm__impl_reference;
    o->detail = &detail;
    o->n_in = n->n_in;
    o->n_out = n->n_out;
    for (i = 0; i < n->n_in; i++) {
        o->in[i] = atm__use_plain(l, n->in[i]);
        if (call.in[i].present && op->impl->touched)
            o->in[i].touched = op->impl->touched(&call, i);
    }
    for (i = 0; i < n->n_out; i++)
        o->out[i] = atm__use_plain(l, n->out[i]);
    if (n->n_in > 0 && n->in[0] != ATM_NONE) {
        now = atm__lower_layout(l, n->in[0]);
        if (flat(l, n, &now)) {
            o->in[0] = atm__use_of(l, n->in[0], &now);
            o->out[0] = atm__use_of(l, n->out[0], &now);
        }
    }
    if (op->impl->scratch_bytes)
        o->scratch_bytes = op->impl->scratch_bytes(&call);
    if (op->flags & ATM_OP_INPLACE && n->n_out > 0 && n->n_in > 0 &&
        same(&call.in[0], &call.out[0]))
        o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    if (op->flags & ATM_OP_INPLACE2 && n->n_out > 0 && n->n_in > 1 &&
        same(&call.in[1], &call.out[0]))
        o->pair[o->n_pairs++] = (struct atm_pair){1, 0, false};
    return ATM_OK;
}

static enum atm_status reference_open(const struct atm_program *p,
                                      const struct atm_kernel *k,
                                      struct atm__dnnl *dnnl,
                                      struct atm_arena *arena, void **state)
{
    struct atm_call *call = atm_arena_alloc(arena, sizeof(*call));
    const struct atm_operand *x = k->n_in > 0 ? &k->in[0] : NULL;
    uint64_t bytes;
    enum atm_status st;

    (void)dnnl;
    if (!call)
        return ATM_NOMEM;
    *state = call;
    st = make_call(arena, p->graph, k->node, call);
    if (st || !x || x->tensor == ATM_NONE ||
        atm_layout_is_plain(&x->layout, x->shape.rank))
        return st;
    st = atm_layout_bytes(&x->layout, &x->shape, x->dtype, &bytes);
    call->in[0].shape = call->out[0].shape = (struct atm_shape){
        1, {(int64_t)(bytes / atm_dtype_bytes(x->dtype))}};
    return st;
}

static enum atm_status reference_run(void *state, void *const *in,
                                     void *const *out, void *scratch)
{
    struct atm_call *call = state;
    const struct atm_graph *g = call->graph;
    const struct atm_node *n = call->node;
    uint32_t i;

    for (i = 0; i < call->n_in; i++) {
        call->in[i].data = in[i];
        if (n->in[i] != ATM_NONE && g->value[n->in[i]].shape.bound)
            call->in[i].shape = g->value[n->in[i]].shape;
    }
    for (i = 0; i < call->n_out; i++) {
        call->out[i].data = out[i];
        if (n->out[i] != ATM_NONE && g->value[n->out[i]].shape.bound)
            call->out[i].shape = g->value[n->out[i]].shape;
    }
    call->scratch = scratch;
    return atm_op_run_reference(call);
}

const struct atm__kernel_impl atm__impl_reference = {
    .name = "reference",
    .offer = reference_offer,
    .open = reference_open,
    .run = reference_run,
    .own = true, /* an instance holds its node */
};
