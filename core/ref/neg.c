/* neg.c - Neg: -x. */
#include "ref/unary.h"

static double neg_f(double x, const double *p)
{
    (void)p;
    return -x;
}

static int64_t neg_i(int64_t x)
{
    return (int64_t) - (uint64_t)x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT | ATM_TYPES_SIGNED);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, neg_f, neg_i, NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Neg = {
    .attrs = attrs, .infer = infer, .run = run};
