/* abs.c - Abs: magnitude. */
#include "ref/unary.h"

#include <math.h>

static double abs_f(double x, const double *p)
{
    (void)p;
    return fabs(x);
}

static int64_t abs_i(int64_t x)
{
    return x < 0 ? (int64_t) - (uint64_t)x : x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_NUMBER & ~ATM_TYPE(U64));
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, abs_f, abs_i, NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Abs = {
    .attrs = attrs, .infer = infer, .run = run};
