/* global_average_pool.c - GlobalAveragePool. */
#include "ref/global_pool.h"

static double mean(const struct atm_view *x, int64_t at, int64_t n)
{
    double sum = 0;
    int64_t i;

    for (i = 0; i < n; i++)
        sum += atm__get_f(x, at + i);
    return sum / (double)n;
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__global_pool_run(call, mean);
}

const struct atm_op_impl atm_op_impl_GlobalAveragePool = {
    .infer = atm__global_pool_infer, .run = run};
