/* rms_normalization.c - RMSNormalization: x over the root of the mean square
 * of the dimensions from `axis` on, times scale. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape grown = *x;
    enum atm_status st;
    uint32_t axis;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_axis(atm_node_int(call->node, "axis", -1), x->rank, &axis);
    if (!st)
        st = atm_broadcast(&grown, &call->in[1].shape);
    if (!st && !atm_shape_equal(&grown, x))
        st = atm_fail(ATM_FORMAT, "scale does not broadcast into the input");
    if (!st)
        atm_set_out(call, 0, call->in[1].dtype, x);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double sum, factor = 0;
    struct atm__walk w;
    enum atm_status st;
    int64_t inner, at, k;
    uint32_t axis = 0;

    st = atm_axis(atm_node_int(call->node, "axis", -1), x->shape.rank, &axis);
    if (st || atm_view_count(x) == 0)
        return st;
    inner = atm_dims_product(&x->shape, axis, x->shape.rank);
    atm__walk_begin(&w, &x->shape);
    atm__walk_broadcast(&w, &call->in[1].shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        if (at % inner == 0) {
            for (sum = 0, k = 0; k < inner; k++)
                sum += atm__get_f(x, at + k) * atm__get_f(x, at + k);
            factor = 1 / sqrt(sum / (double)inner + epsilon);
        }
        atm__put_f(y, at,
                   atm__get_f(x, at) * factor *
                       atm__get_f(&call->in[1], w.at[0]));
    }
    return ATM_OK;
}

/* Stage one is computed in double, whatever stash_type says. */
static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "epsilon", .kind = ATM_ATTR_FLOAT},
    {.name = "stash_type", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_RMSNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
