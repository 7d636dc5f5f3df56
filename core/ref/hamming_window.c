/* hamming_window.c - HammingWindow: ONNX takes 25/46, not 0.54. */
#include "ref/cosine_window.h"

static enum atm_status run(const struct atm_call *call)
{
    static const double a[3] = {25.0 / 46, 21.0 / 46, 0};

    return atm__cosine_window_run(call, a);
}

const struct atm_op_impl atm_op_impl_HammingWindow = {
    .attrs = atm__cosine_window_attrs,
    .infer = atm__cosine_window_infer,
    .run = run};
