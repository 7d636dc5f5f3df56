/* scatter_elements.c - ScatterElements: in[2]'s elements go into a copy of
 * in[0], the index of one dimension replaced by in[1]'s element. */
#include "ref/scatter.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_shape *index = &call->in[1].shape;
    enum atm__scatter how;
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = atm__scatter_of(call->node, &how);
    if (!st)
        st = atm_axis(atm_node_int(call->node, "axis", 0), x->rank, &axis);
    if (!st &&
        (call->in[2].dtype != call->in[0].dtype || index->rank != x->rank ||
         !atm_shape_equal(index, &call->in[2].shape)))
        st = atm_fail(ATM_FORMAT, "indices and updates do not fit together");
    for (i = 0; !st && i < x->rank; i++)
        if (i != axis && index->dim[i] > x->dim[i])
            st = atm_fail(ATM_FORMAT,
                          "input 1 is larger than input 0 in "
                          "dimension %" PRIu32,
                          i);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, x);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *index = &call->in[1], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], at = 0, axis_stride, size;
    enum atm__scatter how;
    struct atm__walk w;
    enum atm_status st;
    uint32_t axis = 0;

    st = atm_axis(atm_node_int(call->node, "axis", 0), y->shape.rank, &axis);
    if (!st)
        st = atm__scatter_of(call->node, &how);
    if (st)
        return st;
    atm__copy_view(call);
    atm__strides(&y->shape, stride);
    size = y->shape.dim[axis];
    axis_stride = stride[axis];
    stride[axis] = 0;
    atm__walk_begin(&w, &index->shape);
    atm__walk_strided(&w, 0, stride);
    for (; w.left > 0; atm__walk_next(&w), at++) {
        int64_t k = atm__get_i(index, at);

        if (k < -size || k >= size)
            return atm_fail(ATM_FORMAT,
                            "index %" PRId64
                            " is outside a dimension of %" PRId64,
                            k, size);
        atm__scatter_one(how, y, w.at[0] + (k < 0 ? k + size : k) * axis_stride,
                         &call->in[2], at);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "reduction", .kind = ATM_ATTR_STRING, .since = 16},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_ScatterElements = {
    .attrs = attrs, .infer = infer, .run = run};

/* Its name until opset 10. */
const struct atm_op_impl atm_op_impl_Scatter = {
    .attrs = attrs, .infer = infer, .run = run};
