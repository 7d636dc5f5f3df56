/* bitwise_not.c - BitwiseNot: ~x. */
#include "ref/unary.h"

static int64_t not_i(int64_t x)
{
    return ~x;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_SIGNED | ATM_TYPES_UNSIGNED);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, NULL, not_i, NULL);
}

const struct atm_op_impl atm_op_impl_BitwiseNot = {.infer = infer, .run = run};
