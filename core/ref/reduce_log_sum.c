/* reduce_log_sum.c - ReduceLogSum: the logarithm of the sum. */
#include "ref/reduce.h"

#include <math.h>

static double add(double a, double b)
{
    return a + b;
}

static double logarithm(double a, double n)
{
    (void)n;
    return log(a);
}

static const struct atm__reducer reducer = {
    .join = add, .end = logarithm, .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceLogSum = {
    .attrs = attrs, .infer = infer, .run = run};
