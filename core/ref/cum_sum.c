/* cum_sum.c - CumSum and CumProd along an axis, perhaps reversed or without
 * the element itself. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_NUMBER);

    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st && atm_view_count(&call->in[1]) != 1)
        st = atm_fail(ATM_FORMAT, "input 1 (axis) is no scalar");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &call->in[0].shape);
    return st;
}

static void line(const struct atm_call *call, bool product, int64_t at,
                 int64_t n, int64_t step)
{
    bool exclusive = atm_node_int(call->node, "exclusive", 0) != 0;
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double real = product ? 1 : 0, real_next;
    uint64_t whole = product ? 1 : 0, whole_next;
    int64_t k;

    for (k = 0; k < n; k++, at += step) {
        double v = atm__get_f(x, at);
        uint64_t i = (uint64_t)atm__get_i(x, at);

        real_next = product ? real * v : real + v;
        whole_next = product ? whole * i : whole + i;
        if (atm__is_float(y->dtype))
            atm__put_f(y, at, exclusive ? real : real_next);
        else
            atm__put_i(y, at, (int64_t)(exclusive ? whole : whole_next));
        real = real_next;
        whole = whole_next;
    }
}

static enum atm_status cumulate(const struct atm_call *call, bool product)
{
    bool reverse = atm_node_int(call->node, "reverse", 0) != 0;
    const struct atm_shape *x = &call->in[0].shape;
    int64_t outer, n, step, i;
    enum atm_status st;
    uint32_t axis = 0;

    st = atm_axis(atm__get_i(&call->in[1], 0), x->rank, &axis);
    if (st || atm_view_count(&call->in[0]) == 0)
        return st;
    outer = atm_dims_product(x, 0, axis);
    n = x->dim[axis];
    step = atm_dims_product(x, axis + 1, x->rank);
    for (i = 0; i < outer * step; i++) {
        int64_t at = i / step * n * step + i % step;

        line(call, product, reverse ? at + (n - 1) * step : at, n,
             reverse ? -step : step);
    }
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    return cumulate(call, false);
}

static enum atm_status run_product(const struct atm_call *call)
{
    return cumulate(call, true);
}

static const struct atm_attr_def attrs[] = {
    {.name = "exclusive", .kind = ATM_ATTR_INT},
    {.name = "reverse", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_CumSum = {
    .attrs = attrs, .infer = infer, .run = run};

const struct atm_op_impl atm_op_impl_CumProd = {
    .attrs = attrs, .infer = infer, .run = run_product};
