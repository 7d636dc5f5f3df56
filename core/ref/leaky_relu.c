/* leaky_relu.c - LeakyRelu: x, below 0 alpha x. */
#include "ref/unary.h"

static double leaky_relu_f(double x, const double *p)
{
    return x < 0 ? p[0] * x : x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_float(call->node, "alpha", 0.01f)};

    return atm__unary_run(call, leaky_relu_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LeakyRelu = {
    .attrs = attrs, .infer = infer, .run = run};
