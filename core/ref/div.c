/* div.c - Div: a / b; of integers towards 0, and x / 0 = 0 as numpy has it. */
#include "ref/binary.h"

static double div_f(double a, double b)
{
    return a / b;
}

static int64_t div_i(int64_t a, int64_t b, bool is_unsigned)
{
    if (b == 0)
        return 0;
    if (is_unsigned)
        return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t) - (uint64_t)a : a / b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_NUMBER, ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, div_f, div_i);
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_Div = {
    .attrs = attrs, .infer = infer, .run = run};
