/* concat.c - Concat: joins inputs along one axis, copying whole runs. */
#include "ref/elem.h"

#include "checked.h"

#include <inttypes.h>

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    /* opset 1 had a default, opset 4 demands the attribute */
    if (call->node->opset >= 4 && !atm_node_attr(call->node, "axis"))
        return atm_fail(ATM_FORMAT, "attribute axis is missing");
    return atm_axis(atm_node_int(call->node, "axis", 1), call->in[0].shape.rank,
                    axis);
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    char ta[128], tb[128];
    enum atm_status st;
    uint32_t axis, i, d;

    st = atm_need_same_type(call, ATM_TYPES_ALL);
    if (!st)
        st = axis_of(call, &axis);
    if (st)
        return st;
    for (i = 1; i < call->n_in; i++) {
        const struct atm_shape *x = &call->in[i].shape;
        bool same = x->rank == y.rank;

        for (d = 0; same && d < y.rank; d++)
            same = d == axis || x->dim[d] == y.dim[d];
        if (!same || !atm_add_i64(y.dim[axis], x->dim[axis], &y.dim[axis]))
            return atm_fail(ATM_FORMAT,
                            "inputs 0 and %" PRIu32 " of shapes %s and %s do "
                            "not join on axis %" PRIu32,
                            i,
                            atm_shape_str(&call->in[0].shape, ta, sizeof(ta)),
                            atm_shape_str(x, tb, sizeof(tb)), axis);
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    size_t row, run_bytes, each = atm_dtype_bytes(y->dtype);
    char *to = y->data;
    enum atm_status st;
    int64_t outer, o;
    uint32_t axis, i;

    st = axis_of(call, &axis);
    if (st)
        return st;
    if (atm_view_count(y) == 0)
        return ATM_OK;
    outer = atm_dims_product(&y->shape, 0, axis);
    row = (size_t)atm_dims_product(&y->shape, axis, y->shape.rank) * each;
    for (i = 0; i < call->n_in; i++) {
        const struct atm_view *x = &call->in[i];
        const char *from = x->data;

        run_bytes =
            (size_t)atm_dims_product(&x->shape, axis, x->shape.rank) * each;
        if (run_bytes == 0)
            continue;
        for (o = 0; o < outer; o++)
            memcpy(to + (size_t)o * row, from + (size_t)o * run_bytes,
                   run_bytes);
        to += run_bytes;
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Concat = {
    .attrs = attrs, .infer = infer, .run = run};
