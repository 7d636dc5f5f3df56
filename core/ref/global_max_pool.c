/* global_max_pool.c - GlobalMaxPool; NaN wins. */
#include "ref/global_pool.h"

#include <math.h>

static double max(const struct atm_view *x, int64_t at, int64_t n)
{
    double best = atm__get_f(x, at);
    int64_t i;

    for (i = 1; i < n; i++) {
        double v = atm__get_f(x, at + i);

        if (v > best || isnan(v))
            best = v;
    }
    return best;
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__global_pool_run(call, max);
}

const struct atm_op_impl atm_op_impl_GlobalMaxPool = {
    .infer = atm__global_pool_infer, .run = run};
