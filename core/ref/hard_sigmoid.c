/* hard_sigmoid.c - HardSigmoid: max(0, min(1, alpha x + beta)). */
#include "ref/unary.h"

#include <math.h>

static double hard_sigmoid_f(double x, const double *p)
{
    return fmax(0, fmin(1, p[0] * x + p[1]));
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_float(call->node, "alpha", 0.2f),
                  (double)atm_node_float(call->node, "beta", 0.5f)};

    return atm__unary_run(call, hard_sigmoid_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT},
    {.name = "beta", .kind = ATM_ATTR_FLOAT},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_HardSigmoid = {
    .attrs = attrs, .infer = infer, .run = run};
