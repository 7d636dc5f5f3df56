/* is_nan.c - IsNaN. */
#include "ref/unary.h"

#include <math.h>

static double is_nan(double x, const double *p)
{
    (void)p;
    return isnan(x);
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
    return atm__unary_run(call, is_nan, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_IsNaN = {.infer = infer, .run = run};
