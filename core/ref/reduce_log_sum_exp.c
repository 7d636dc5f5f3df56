/* reduce_log_sum_exp.c - ReduceLogSumExp: log(sum(exp(x))) without overflow
 * on the way. */
#include "ref/reduce.h"

#include <math.h>

static double join(double a, double b)
{
    if (a == b)
        return a + log(2);
    return (a > b ? a : b) + log1p(exp(-fabs(a - b))); /* NaN survives */
}

static const struct atm__reducer reducer = {
    .join = join, .empty = -INFINITY, .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceLogSumExp = {
    .attrs = attrs, .infer = infer, .run = run};
