/* ceil.c - Ceil: smallest integer not below x. */
#include "ref/unary.h"

#include <math.h>

static double ceil_f(double x, const double *p)
{
    (void)p;
    return ceil(x);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, ceil_f, NULL, NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Ceil = {
    .attrs = attrs, .infer = infer, .run = run};
