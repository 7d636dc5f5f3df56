/* dnnl_lrn.c - LRN across channels by oneDNN, in the layout of the input. */
#include "dnnl_util.h"

#include <string.h>

static enum atm_status lrn_offer(const struct atm__lower *l,
                                 const struct atm_node *n,
                                 struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_lrn}};
    struct atm_layout now;
    dnnl_memory_desc_t md;
    dnnl_primitive_desc_t pd;
    const char *impl;
    enum atm_status st;

    /* an even window lies differently in ONNX */
    if (strcmp(n->op->name, "LRN") != 0 || !atm__dnnl_f32(l, n) ||
        atm_node_int(n, "size", 0) % 2 == 0)
        return ATM_OK;
    now = atm__lower_layout(l, n->in[0]);
    if (!atm__dnnl_md(&l->g->value[n->in[0]].shape, &now, &md) ||
        dnnl_lrn_forward_desc_init(&d.op.lrn, dnnl_forward_inference,
                                   dnnl_lrn_across_channels, &md,
                                   atm_node_int(n, "size", 0),
                                   atm_node_float(n, "alpha", 1e-4f),
                                   atm_node_float(n, "beta", 0.75f),
                                   atm_node_float(n, "bias", 1)))
        return ATM_OK;
    (void)atm__dnnl_arg(&d, DNNL_ARG_SRC, false, 0, &md);
    (void)atm__dnnl_arg(&d, DNNL_ARG_DST, true, 0, &md);
    if (!atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena, 1, o);
    if (st)
        return st;
    o->in[0] = atm__use_of(l, n->in[0], &now);
    o->out[0] = atm__use_of(l, n->out[0], &now);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_lrn = {
    .name = "dnnl_lrn", .offer = lrn_offer, ATM__DNNL_KERNEL};
