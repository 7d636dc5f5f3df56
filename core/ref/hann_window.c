/* hann_window.c - HannWindow: half a cosine's period above zero. */
#include "ref/cosine_window.h"

static enum atm_status run(const struct atm_call *call)
{
    static const double a[3] = {0.5, 0.5, 0};

    return atm__cosine_window_run(call, a);
}

const struct atm_op_impl atm_op_impl_HannWindow = {
    .attrs = atm__cosine_window_attrs,
    .infer = atm__cosine_window_infer,
    .run = run};
