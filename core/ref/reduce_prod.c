/* reduce_prod.c - ReduceProd: the product. */
#include "ref/reduce.h"

static double mul(double a, double b)
{
    return a * b;
}

static int64_t mul_i(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static const struct atm__reducer reducer = {
    .join = mul, .join_i = mul_i, .empty = 1, .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceProd = {
    .attrs = attrs, .infer = infer, .run = run};
