/* log_softmax.c - LogSoftmax: x - max - log(sum(exp(x - max))). */
#include "ref/softmax.h"

#include <math.h>

static void log_softmax_line(const struct atm_view *x, const struct atm_view *y,
                             int64_t at, int64_t n, int64_t step)
{
    double max = atm__get_f(x, at), sum = 0;
    int64_t i;

    for (i = 1; i < n; i++)
        max = fmax(max, atm__get_f(x, at + i * step));
    for (i = 0; i < n; i++)
        sum += exp(atm__get_f(x, at + i * step) - max);
    for (i = 0; i < n; i++)
        atm__put_f(y, at + i * step,
                   atm__get_f(x, at + i * step) - max - log(sum));
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__softmax_lines(call, log_softmax_line);
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_LogSoftmax = {
    .attrs = attrs, .infer = atm__softmax_infer, .run = run};
