/* constant_of_shape.c - ConstantOfShape: a tensor filled with one value. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_attr *a = atm_node_attr(call->node, "value");
    enum atm_dtype dtype = ATM_F32;
    struct atm_shape y = {.rank = 0};
    enum atm_status st;
    int64_t n;
    uint32_t i;

    if (a) {
        if (!call->graph || a->value >= call->graph->n_values)
            return atm_fail(ATM_FORMAT, "attribute value is missing");
        dtype = call->graph->value[a->value].dtype;
        st = atm_shape_count(&call->graph->value[a->value].shape, &n);
        if (st || n != 1)
            return atm_fail(ATM_FORMAT, "attribute value has not one element");
    }
    st = atm_need_ints(call, 0, "shape", ATM_RANK_MAX, y.dim, &y.rank);
    for (i = 0; !st && i < y.rank; i++)
        if (y.dim[i] < 0)
            st = atm_fail(ATM_FORMAT, "a wanted dimension is negative");
    if (!st)
        atm_set_out(call, 0, dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_attr *a = atm_node_attr(call->node, "value");
    const struct atm_view *y = &call->out[0];
    struct atm_view one = *y;
    int64_t n = atm_view_count(y), i;
    enum atm_status st;
    double value = 0; /* any element fits */

    one.data = &value;
    if (a) {
        st = atm_constant_read(call->graph, a->value, 0,
                               atm_dtype_bytes(y->dtype), &value);
        if (st)
            return st;
    }
    for (i = 0; i < n; i++)
        atm__move(y, i, &one, 0);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "value", .kind = ATM_ATTR_TENSOR}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_ConstantOfShape = {
    .attrs = attrs, .infer = infer, .run = run};
