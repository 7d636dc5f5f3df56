/* softmax_lines.c - which elements the softmax family normalises together. */
#include "ref/softmax.h"

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t dflt = call->node->opset < 13 ? 1 : -1;
    int64_t a = atm_node_int(call->node, "axis", dflt);

    /* coerced to a matrix, axis = rank gives lines of one element */
    if (call->node->opset < 13 && a == (int64_t)x->rank) {
        *axis = x->rank;
        return ATM_OK;
    }
    return atm_axis(a, x->rank, axis);
}

enum atm_status atm__softmax_infer(struct atm_call *call)
{
    enum atm_status st;
    uint32_t axis;

    st = atm_infer_same(call, ATM_TYPES_FLOAT);
    return st ? st : axis_of(call, &axis);
}

enum atm_status atm__softmax_lines(const struct atm_call *call,
                                   void (*line)(const struct atm_view *x,
                                                const struct atm_view *y,
                                                int64_t at, int64_t n,
                                                int64_t step))
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t outer, n, step = 1, o, i;
    enum atm_status st;
    uint32_t axis;

    st = axis_of(call, &axis);
    if (st || atm_view_count(y) == 0)
        return st;
    outer = atm_dims_product(&x->shape, 0, axis);
    if (call->node->opset < 13) {
        n = atm_dims_product(&x->shape, axis, x->shape.rank);
    } else {
        n = x->shape.dim[axis];
        step = atm_dims_product(&x->shape, axis + 1, x->shape.rank);
    }
    for (o = 0; o < outer; o++)
        for (i = 0; i < step; i++)
            line(x, y, o * n * step + i, n, step);
    return ATM_OK;
}
