/* reduce_l2.c - ReduceL2: the root of the sum of squares. */
#include "ref/reduce.h"

#include <math.h>

static double square(double x)
{
    return x * x;
}

static double add(double a, double b)
{
    return a + b;
}

static double root(double a, double n)
{
    (void)n;
    return sqrt(a);
}

static const struct atm__reducer reducer = {
    .map = square, .join = add, .end = root, .has_empty = true};

static enum atm_status infer(struct atm_call *call)
{
    return atm__reduce_infer(call, ATM_TYPES_NUMBER, reducer.has_empty);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__reduce_run(call, &reducer);
}

static const struct atm_attr_def attrs[] = {ATM__REDUCE_ATTRS(17, 18)};

const struct atm_op_impl atm_op_impl_ReduceL2 = {
    .attrs = attrs, .infer = infer, .run = run};
