/* reduce_sum_square.c - ReduceSumSquare: the sum of squares. */
#include "ref/reduce.h"

static double square(double x)
{
    return x * x;
}

static double add(double a, double b)
{
    return a + b;
}

static int64_t square_i(int64_t x)
{
    return (int64_t)((uint64_t)x * (uint64_t)x);
}

static int64_t add_i(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static const struct atm__reducer reducer = {.map = square,
                                            .join = add,
                                            .map_i = square_i,
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

const struct atm_op_impl atm_op_impl_ReduceSumSquare = {
    .attrs = attrs, .infer = infer, .run = run};
