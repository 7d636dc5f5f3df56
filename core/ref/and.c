/* and.c - And: a and b. */
#include "ref/binary.h"

static int64_t and_i(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return a && b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPE(BOOL), ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, NULL, and_i);
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_And = {
    .attrs = attrs, .infer = infer, .run = run};
