/* hardmax.c - Hardmax: 1 at the first maximum, 0 elsewhere. */
#include "ref/softmax.h"

static void hardmax_line(const struct atm_view *x, const struct atm_view *y,
                         int64_t at, int64_t n, int64_t step)
{
    int64_t best = 0, i;

    for (i = 1; i < n; i++)
        if (atm__get_f(x, at + i * step) > atm__get_f(x, at + best * step))
            best = i;
    for (i = 0; i < n; i++)
        atm__put_f(y, at + i * step, i == best);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__softmax_lines(call, hardmax_line);
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Hardmax = {
    .attrs = attrs, .infer = atm__softmax_infer, .run = run};
