/* gather_elements.c - GatherElements: the index of one dimension is replaced
 * by in[1]'s element. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_shape *index = &call->in[1].shape;
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = atm_axis(atm_node_int(call->node, "axis", 0), x->rank, &axis);
    if (!st && index->rank != x->rank)
        st = atm_fail(ATM_FORMAT, "inputs differ in rank");
    for (i = 0; !st && i < x->rank; i++)
        if (i != axis && index->dim[i] > x->dim[i])
            st = atm_fail(ATM_FORMAT,
                          "input 1 is larger than input 0 in "
                          "dimension %" PRIu32,
                          i);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, index);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], at = 0, axis_stride, size;
    struct atm__walk w;
    enum atm_status st;
    uint32_t axis = 0;

    st = atm_axis(atm_node_int(call->node, "axis", 0), x->shape.rank, &axis);
    if (st)
        return st;
    atm__strides(&x->shape, stride);
    size = x->shape.dim[axis];
    axis_stride = stride[axis];
    stride[axis] = 0;
    atm__walk_begin(&w, &y->shape);
    atm__walk_strided(&w, 0, stride);
    for (; w.left > 0; atm__walk_next(&w), at++) {
        int64_t k = atm__get_i(&call->in[1], at);

        if (k < -size || k >= size)
            return atm_fail(ATM_FORMAT,
                            "index %" PRId64
                            " is outside a dimension of %" PRId64,
                            k, size);
        atm__move(y, at, x, w.at[0] + (k < 0 ? k + size : k) * axis_stride);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_GatherElements = {
    .attrs = attrs, .infer = infer, .run = run};
