/* reduce_mean.c - ReduceMean: the mean; of integers, rounded towards 0. */
#include "ref/reduce.h"

static double add(double a, double b)
{
    return a + b;
}

static double divide(double a, double n)
{
    return a / n;
}

static const struct atm__reducer reducer = {.join = add, .end = divide};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceMean = {
    .attrs = attrs, .infer = infer, .run = run};
