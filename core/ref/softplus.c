/* softplus.c - Softplus: log(exp(x) + 1) without overflow. */
#include "ref/unary.h"

#include <math.h>

static double softplus_f(double x, const double *p)
{
    (void)p;
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, softplus_f, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_Softplus = {.infer = infer, .run = run};
