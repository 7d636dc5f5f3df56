/* sign.c - Sign: -1, 0 or 1. */
#include "ref/unary.h"

#include <math.h>

static double sign_f(double x, const double *p)
{
    (void)p;
    return isnan(x) ? x : (x > 0) - (x < 0);
}

static int64_t sign_i(int64_t x)
{
    return (x > 0) - (x < 0);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_NUMBER & ~ATM_TYPE(U64));
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, sign_f, sign_i, NULL);
}

const struct atm_op_impl atm_op_impl_Sign = {.infer = infer, .run = run};
