/* selu.c - Selu: gamma x, below 0 gamma alpha (exp(x) - 1). */
#include "ref/unary.h"

#include <math.h>

static double selu_f(double x, const double *p)
{
    return p[1] * (x <= 0 ? p[0] * expm1(x) : x);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {
        (double)atm_node_float(call->node, "alpha", 1.67326319217681884765625f),
        (double)atm_node_float(call->node, "gamma",
                               1.05070102214813232421875f)};

    return atm__unary_run(call, selu_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT},
    {.name = "gamma", .kind = ATM_ATTR_FLOAT},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Selu = {
    .attrs = attrs, .infer = infer, .run = run};
