/* less_or_equal.c - LessOrEqual: a <= b. */
#include "ref/binary.h"

static double less_or_equal_f(double a, double b)
{
    return a <= b;
}

static int64_t less_or_equal_i(int64_t a, int64_t b, bool is_unsigned)
{
    return is_unsigned ? (uint64_t)a <= (uint64_t)b : a <= b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_NUMBER, ATM_BOOL);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, less_or_equal_f, less_or_equal_i);
}

const struct atm_op_impl atm_op_impl_LessOrEqual = {.infer = infer, .run = run};
