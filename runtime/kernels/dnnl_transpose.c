/* dnnl_transpose.c - Transpose of floats: a reorder between two descriptions of
 * the same elements. */
#include "dnnl_util.h"

#include <string.h>

static enum atm_status transpose_offer(const struct atm__lower *l,
                                       const struct atm_node *n,
                                       struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_transpose}};
    const struct atm_attr *perm = atm_node_attr(n, "perm");
    struct atm_layout from = {0}, to;
    const struct atm_shape *y;
    dnnl_memory_desc_t src, dst;
    dnnl_primitive_desc_t pd;
    const char *impl;
    uint32_t i;
    enum atm_status st;

    if (strcmp(n->op->name, "Transpose") != 0 || !atm__dnnl_f32(l, n))
        return ATM_OK;
    y = &l->g->value[n->out[0]].shape;
    /* dimension i of the output is dimension perm[i] of the input */
    for (i = 0; i < y->rank; i++)
        from.order[perm ? (uint32_t)perm->ints[i] : y->rank - 1 - i] =
            (uint8_t)i;
    to = atm_layout_plain(y->rank);
    if (!atm__dnnl_md(y, &from, &src) || !atm__dnnl_md(y, &to, &dst))
        return ATM_OK;
    d.op.kind = dnnl_reorder;
    (void)atm__dnnl_arg(&d, DNNL_ARG_FROM, false, 0, &src);
    (void)atm__dnnl_arg(&d, DNNL_ARG_TO, true, 0, &dst);
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
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_transpose = {
    .name = "dnnl_transpose", .offer = transpose_offer, ATM__DNNL_KERNEL};
