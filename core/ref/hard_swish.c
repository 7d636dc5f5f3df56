/* hard_swish.c - HardSwish: x max(0, min(1, x / 6 + 1 / 2)). */
#include "ref/unary.h"

#include <math.h>

static double hard_swish_f(double x, const double *p)
{
    (void)p;
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, hard_swish_f, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_HardSwish = {.infer = infer, .run = run};
