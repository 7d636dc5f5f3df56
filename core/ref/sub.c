/* sub.c - Sub: a - b. */
#include "ref/binary.h"

static double sub_f(double a, double b)
{
    return a - b;
}

static int64_t sub_i(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_NUMBER, ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, sub_f, sub_i);
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_Sub = {
    .attrs = attrs, .infer = infer, .run = run};
