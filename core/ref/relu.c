/* relu.c - Relu: max(x, 0); NaN stays NaN. */
#include "ref/unary.h"

static double relu_f(double x, const double *p)
{
    (void)p;
    return x < 0 ? 0 : x;
}

static int64_t relu_i(int64_t x)
{
    return x < 0 ? 0 : x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT | ATM_TYPES_SIGNED);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, relu_f, relu_i, NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Relu = {
    .attrs = attrs, .infer = infer, .run = run};
