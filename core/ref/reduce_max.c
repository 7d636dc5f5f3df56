/* reduce_max.c - ReduceMax: the largest; NaN wins. */
#include "ref/reduce.h"

#include <math.h>

static double max(double a, double b)
{
    return b > a || isnan(b) ? b : a;
}

static int64_t max_i(int64_t a, int64_t b)
{
    return b > a ? b : a;
}

static const struct atm__reducer reducer = {
    .join = max, .join_i = max_i, .empty = -INFINITY, .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    uint32_t flags = call->node->opset < 20 ? 0 : ATM_TYPE(BOOL);

    return atm__reduce_infer(call, flags | (ATM_TYPES_NUMBER & ~ATM_TYPE(U64)),
                             reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceMax = {
    .attrs = attrs, .infer = infer, .run = run};
