/* mean.c - Mean of any number of broadcast inputs. */
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
    enum atm_status st = atm__variadic_run(call, sum_f, NULL);
    const struct atm_view *y = &call->out[0];
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++)
        atm__put_f(y, i, atm__get_f(y, i) / (double)call->n_in);
    return st;
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Mean = {
    .attrs = attrs, .infer = infer, .run = run};
