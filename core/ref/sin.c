/* sin.c - Sin: sine. */
#include "ref/unary.h"

#include <math.h>

static double sin_f(double x, const double *p)
{
    (void)p;
    return sin(x);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, sin_f, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_Sin = {.infer = infer, .run = run};
