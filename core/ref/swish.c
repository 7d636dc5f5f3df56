/* swish.c - Swish: x / (1 + exp(-alpha x)); SwiGLU: Swish(a) b. */
#include "ref/unary.h"

#include <math.h>

static double swish_f(double x, const double *p)
{
    double e = exp(-p[0] * x);

    return isinf(e) ? 0 * x : x / (1 + e);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double alpha = (double)atm_node_float(call->node, "alpha", 1);

    return atm__unary_run(call, swish_f, NULL, &alpha);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Swish = {
    .attrs = attrs, .infer = infer, .run = run};

static enum atm_status gated_infer(struct atm_call *call)
{
    if (!atm_shape_equal(&call->in[0].shape, &call->in[1].shape))
        return atm_fail(ATM_FORMAT, "the inputs differ in shape");
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status gated_run(const struct atm_call *call)
{
    double alpha = (double)atm_node_float(call->node, "alpha", 1);
    const struct atm_view *a = &call->in[0], *b = &call->in[1];
    const struct atm_view *y = &call->out[0];
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++)
        atm__put_f(y, i, swish_f(atm__get_f(a, i), &alpha) * atm__get_f(b, i));
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_SwiGLU = {
    .attrs = attrs, .infer = gated_infer, .run = gated_run};
