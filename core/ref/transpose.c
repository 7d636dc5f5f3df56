/* transpose.c - Transpose: output dimension i is input dimension perm[i]. */
#include "ref/elem.h"

static enum atm_status perm_of(const struct atm_call *call, uint32_t *perm)
{
    uint32_t rank = call->in[0].shape.rank, n, set, i;
    int64_t ints[ATM_RANK_MAX];
    enum atm_status st;

    for (i = 0; i < rank; i++)
        perm[i] = rank - 1 - i;
    if (!atm_node_attr(call->node, "perm"))
        return ATM_OK;
    st = atm_attr_ints(call->node, "perm", ATM_RANK_MAX, ints, &n);
    if (!st && n != rank)
        st = atm_fail(ATM_FORMAT,
                      "attribute perm does not have the input's rank");
    if (!st)
        st = atm_axes(ints, n, rank, &set);
    for (i = 0; !st && i < rank; i++)
        st = atm_axis(ints[i], rank, &perm[i]);
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t perm[ATM_RANK_MAX], i;
    struct atm_shape y = *x;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = perm_of(call, perm);
    if (st)
        return st;
    for (i = 0; i < y.rank; i++)
        y.dim[i] = x->dim[perm[i]];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t own[ATM_RANK_MAX], stride[ATM_RANK_MAX] = {0}, at = 0;
    uint32_t perm[ATM_RANK_MAX], i;
    struct atm__walk w;
    enum atm_status st;

    st = perm_of(call, perm);
    if (st)
        return st;
    atm__strides(&x->shape, own);
    for (i = 0; i < x->shape.rank; i++)
        stride[i] = own[perm[i]];
    atm__walk_begin(&w, &y->shape);
    atm__walk_strided(&w, 0, stride);
    for (; w.left > 0; atm__walk_next(&w))
        atm__move(y, at++, x, w.at[0]);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "perm", .kind = ATM_ATTR_INTS}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Transpose = {
    .attrs = attrs, .infer = infer, .run = run};
