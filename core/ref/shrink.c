/* shrink.c - Shrink: x + bias below -lambd, x - bias above lambd, else 0. */
#include "ref/unary.h"

static double shrink_f(double x, const double *p)
{
    return x < -p[1] ? x + p[0] : x > p[1] ? x - p[0] : 0;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_float(call->node, "bias", 0),
                  (double)atm_node_float(call->node, "lambd", 0.5f)};

    return atm__unary_run(call, shrink_f, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "bias", .kind = ATM_ATTR_FLOAT},
    {.name = "lambd", .kind = ATM_ATTR_FLOAT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Shrink = {
    .attrs = attrs, .infer = infer, .run = run};
