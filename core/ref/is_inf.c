/* is_inf.c - IsInf, of either sign or one alone. */
#include "ref/unary.h"

#include <math.h>

static double is_inf(double x, const double *p)
{
    return isinf(x) && p[x < 0] != 0;
}

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_FLOAT);

    if (!st)
        atm_set_out(call, 0, ATM_BOOL, &call->in[0].shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    double p[] = {(double)atm_node_int(call->node, "detect_positive", 1),
                  (double)atm_node_int(call->node, "detect_negative", 1)};

    return atm__unary_run(call, is_inf, NULL, p);
}

static const struct atm_attr_def attrs[] = {
    {.name = "detect_negative", .kind = ATM_ATTR_INT},
    {.name = "detect_positive", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_IsInf = {
    .attrs = attrs, .infer = infer, .run = run};
