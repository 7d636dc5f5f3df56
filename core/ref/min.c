/* min.c - Min of any number of broadcast inputs; NaN wins. */
#include "ref/variadic.h"

#include <math.h>

static double min_f(double a, double b)
{
    return b < a || isnan(b) ? b : a;
}

static int64_t min_i(int64_t a, int64_t b, bool is_unsigned)
{
    if (is_unsigned)
        return (uint64_t)b < (uint64_t)a ? b : a;
    return b < a ? b : a;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__variadic_infer(call, ATM_TYPES_NUMBER);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__variadic_run(call, min_f, min_i);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Min = {
    .attrs = attrs, .infer = infer, .run = run};
