/* gather.c - Gather: slices of in[0] along an axis, chosen by in[1]. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    return atm_axis(atm_node_int(call->node, "axis", 0), call->in[0].shape.rank,
                    axis);
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_shape *index = &call->in[1].shape;
    struct atm_shape y = {.rank = 0};
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = axis_of(call, &axis);
    if (!st && x->rank + index->rank - 1 > ATM_RANK_MAX)
        st = atm_fail(ATM_UNSUPPORTED,
                      "the result has more than %d "
                      "dimensions",
                      ATM_RANK_MAX);
    if (st)
        return st;
    for (i = 0; i < axis; i++)
        y.dim[y.rank++] = x->dim[i];
    for (i = 0; i < index->rank; i++)
        y.dim[y.rank++] = index->dim[i];
    for (i = axis + 1; i < x->rank; i++)
        y.dim[y.rank++] = x->dim[i];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *index = &call->in[1];
    const struct atm_view *y = &call->out[0];
    int64_t outer, n = atm_view_count(index), size, o, i;
    char *to = y->data;
    enum atm_status st;
    uint32_t axis = 0;
    size_t row;

    st = axis_of(call, &axis);
    if (st || atm_view_count(y) == 0)
        return st;
    size = x->shape.dim[axis];
    outer = atm_dims_product(&x->shape, 0, axis);
    row = (size_t)atm_dims_product(&x->shape, axis + 1, x->shape.rank) *
          atm_dtype_bytes(x->dtype);
    for (o = 0; o < outer; o++)
        for (i = 0; i < n; i++, to += row) {
            int64_t at = atm__get_i(index, i);

            if (at < -size || at >= size)
                return atm_fail(ATM_FORMAT,
                                "index %" PRId64
                                " is outside a dimension of %" PRId64,
                                at, size);
            at += at < 0 ? size : 0;
            memcpy(to, (const char *)x->data + (size_t)(o * size + at) * row,
                   row);
        }
    return ATM_OK;
}

/* Of the table no more than what comes out. */
static uint64_t touched(const struct atm_call *call, uint32_t in)
{
    const struct atm_view *v = &call->in[in], *y = &call->out[0];
    uint64_t all = (uint64_t)atm_view_count(v) * atm_dtype_bytes(v->dtype);
    uint64_t out = (uint64_t)atm_view_count(y) * atm_dtype_bytes(y->dtype);

    return in == 0 && out < all ? out : all;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Gather = {
    .attrs = attrs, .infer = infer, .run = run, .touched = touched};
