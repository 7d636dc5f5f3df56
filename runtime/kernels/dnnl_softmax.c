/* dnnl_softmax.c - Softmax over the last axis by oneDNN, on [rows, columns];
 * before opset 13 all axes behind the given one are one. */
#include "dnnl_util.h"
#include "shape.h"

#include <string.h>

static enum atm_status softmax_offer(const struct atm__lower *l,
                                     const struct atm_node *n,
                                     struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_softmax}};
    struct atm_layout flat = atm_layout_plain(2);
    struct atm_shape lines = {.rank = 2};
    const struct atm_shape *x;
    dnnl_memory_desc_t md;
    dnnl_primitive_desc_t pd;
    const char *impl;
    uint32_t axis;
    enum atm_status st;

    if (strcmp(n->op->name, "Softmax") != 0 || !atm__dnnl_f32(l, n))
        return ATM_OK;
    x = &l->g->value[n->in[0]].shape;
    if (x->rank == 0 ||
        atm_axis(atm_node_int(n, "axis", n->opset < 13 ? 1 : -1), x->rank,
                 &axis) ||
        (n->opset >= 13 && axis + 1 != x->rank))
        return ATM_OK;
    lines.dim[0] = atm_dims_product(x, 0, axis);
    lines.dim[1] = atm_dims_product(x, axis, x->rank);
    if (!atm__dnnl_md(&lines, &flat, &md) ||
        dnnl_softmax_v2_forward_desc_init(&d.op.softmax,
                                          dnnl_forward_inference,
                                          dnnl_softmax_accurate, &md, &md, 1))
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
    o->in[0] = atm__use_plain(l, n->in[0]);
    o->out[0] = atm__use_plain(l, n->out[0]);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_softmax = {
    .name = "dnnl_softmax", .offer = softmax_offer, ATM__DNNL_KERNEL};
