/* dnnl_bnorm.c - BatchNormalization at inference by oneDNN, with a Relu that
 * alone reads it done in the same pass. (Most are folded into a convolution
 * before lowering; what is left stands before one.) */
#include "dnnl_util.h"

#include <string.h>

/* The Relu that is the only reader of `value`, or ATM_NONE. */
static uint32_t only_relu(const struct atm__lower *l, uint32_t value)
{
    uint32_t reader = l->reader[value], i;

    for (i = 0; i < l->g->n_outputs; i++)
        if (l->g->output[i] == value)
            return ATM_NONE;
    return l->readers[value] == 1 && !l->done[reader] &&
                   strcmp(l->g->node[reader].op->name, "Relu") == 0
               ? reader : ATM_NONE;
}

static bool describe(const struct atm__lower *l, const struct atm_node *n,
                     const struct atm_layout *layout, bool relu,
                     struct atm__dnnl_detail *d)
{
    static const int args[] = {DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_MEAN,
                               DNNL_ARG_VARIANCE};
    const struct atm_value *v = l->g->value;
    struct atm_layout line = atm_layout_plain(1);
    dnnl_memory_desc_t data, channel;
    uint32_t i;

    if (!atm__dnnl_md(&v[n->in[0]].shape, layout, &data) ||
        dnnl_batch_normalization_forward_desc_init(
            &d->op.bnorm, dnnl_forward_inference, &data,
            atm_node_float(n, "epsilon", 1e-5f),
            dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift))
        return false;
    (void)atm__dnnl_arg(d, DNNL_ARG_SRC, false, 0, &data);
    for (i = 0; i < 4; i++) {
        const struct atm_shape *s = &v[n->in[i + 1]].shape;

        if (s->rank != 1 || !atm__dnnl_md(s, &line, &channel))
            return false;
        (void)atm__dnnl_arg(d, args[i], false, i + 1, &channel);
    }
    (void)atm__dnnl_arg(d, DNNL_ARG_DST, true, 0, &data);
    if (relu)
        atm__dnnl_eltwise(d, dnnl_eltwise_relu, 0, 0);
    return true;
}

static enum atm_status bnorm_offer(const struct atm__lower *l,
                                   const struct atm_node *n,
                                   struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_bnorm}};
    struct atm_layout now;
    dnnl_primitive_desc_t pd;
    const char *impl;
    uint32_t relu, i;
    enum atm_status st;

    if (strcmp(n->op->name, "BatchNormalization") != 0 ||
        !atm__dnnl_f32(l, n) || n->n_in != 5 || n->n_out != 1 ||
        atm_node_int(n, "training_mode", 0) ||
        (n->opset < 7 && !atm_node_int(n, "is_test", 0)) ||
        l->g->value[n->in[0]].shape.rank < 2)
        return ATM_OK;
    now = atm__lower_layout(l, n->in[0]);
    relu = only_relu(l, n->out[0]);
    if (!describe(l, n, &now, relu != ATM_NONE, &d) ||
        !atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena, 5, o);
    if (st)
        return st;
    o->in[0] = atm__use_of(l, n->in[0], &now);
    for (i = 1; i < 5; i++)
        o->in[i] = atm__use_plain(l, n->in[i]);
    o->also = relu;
    o->flavour = relu != ATM_NONE;
    o->out[0] = atm__use_of(l, relu != ATM_NONE ? l->g->node[relu].out[0]
                                                : n->out[0], &now);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_bnorm = {
    .name = "dnnl_bnorm", .offer = bnorm_offer, ATM__DNNL_KERNEL};
