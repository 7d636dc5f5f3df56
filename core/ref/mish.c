/* mish.c - Mish: x tanh(log(1 + exp(x))). */
#include "ref/unary.h"

#include <math.h>

static double mish_f(double x, const double *p)
{
    (void)p;
    return x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, mish_f, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_Mish = {.infer = infer, .run = run};
