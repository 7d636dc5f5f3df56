/* thresholded_relu.c - ThresholdedRelu: x above alpha, else 0. */
#include "ref/unary.h"

static double thresholded_relu_f(double x, const double *p)
{
    return x > p[0] ? x : 0;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_float(call->node, "alpha", 1)};

    return atm__unary_run(call, thresholded_relu_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_ThresholdedRelu = {
    .attrs = attrs, .infer = infer, .run = run};
