/* reduce_l1.c - ReduceL1: the sum of magnitudes. */
#include "ref/reduce.h"

#include <math.h>

static double add(double a, double b)
{
    return a + b;
}

static int64_t add_i(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t abs_i(int64_t x)
{
    return x < 0 ? (int64_t) - (uint64_t)x : x;
}

static const struct atm__reducer reducer = {.map = fabs,
                                            .join = add,
                                            .map_i = abs_i,
                                            .join_i = add_i,
                                            .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceL1 = {
    .attrs = attrs, .infer = infer, .run = run};
