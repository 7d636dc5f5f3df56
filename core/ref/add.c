/* add.c - Add. */
#include "ref/binary.h"

static double add_f(double a, double b)
{
    return a + b;
}

static int64_t add_i(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__binary_infer(call, ATM_TYPES_NUMBER, ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__binary_run(call, add_f, add_i);
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_Add = {
    .attrs = attrs, .infer = infer, .run = run};
