/* sum.c - Sum of any number of broadcast inputs. */
#include "ref/variadic.h"

static double sum_f(double a, double b)
{
    return a + b;
}

static enum atm_status infer(struct atm_call *call)
{
    return atm__variadic_infer(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__variadic_run(call, sum_f, NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Sum = {
    .attrs = attrs, .infer = infer, .run = run};
