/* conv_integer.c - ConvInteger: (x - zero) convolved with (w - zero). */
#include "ref/quantized.h"

static const struct atm__int_factors factors = {0, 2, 1, 3};

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y;
    enum atm_status st = atm__conv_int_infer(call, &factors, &y);

    if (!st)
        atm_set_out(call, 0, ATM_I32, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__conv_int_run(call, &factors, atm__int_store);
}

const struct atm_op_impl atm_op_impl_ConvInteger = {
    .attrs = atm__conv_int_attrs, .infer = infer, .run = run};
