/* round.c - Round: nearest integer, halves to even. */
#include "ref/unary.h"

#include <math.h>

static double round_f(double x, const double *p)
{
    (void)p;
    return rint(x);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, round_f, NULL, NULL);
}

const struct atm_op_impl atm_op_impl_Round = {.infer = infer, .run = run};
