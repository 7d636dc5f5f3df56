/* equal.c - Equal: a == b. */
#include "ref/binary.h"

static double equal_f(double a, double b)
{
    return a == b;
}

static int64_t equal_i(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return a == b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_ALL, ATM_BOOL);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, equal_f, equal_i);
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_Equal = {
    .attrs = attrs, .infer = infer, .run = run};
