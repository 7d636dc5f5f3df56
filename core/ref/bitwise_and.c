/* bitwise_and.c - BitwiseAnd: a & b, bit by bit. */
#include "ref/binary.h"

static int64_t bits(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return a & b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_SIGNED | ATM_TYPES_UNSIGNED,
                             ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, NULL, bits);
}

const struct atm_op_impl atm_op_impl_BitwiseAnd = {.infer = infer, .run = run};
