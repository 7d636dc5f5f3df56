/* celu.c - Celu: max(0, x) + min(0, alpha (exp(x / alpha) - 1)). */
#include "ref/unary.h"

#include <math.h>

static double celu_f(double x, const double *p)
{
    return x < 0 ? p[0] * expm1(x / p[0]) : x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_float(call->node, "alpha", 1)};

    return atm__unary_run(call, celu_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Celu = {
    .attrs = attrs, .infer = infer, .run = run};
