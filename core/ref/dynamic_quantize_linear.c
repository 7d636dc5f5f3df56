/* dynamic_quantize_linear.c - DynamicQuantizeLinear: to uint8, by scale and
 * zero point that cover the data and 0. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape scalar = {.rank = 0};
    enum atm_status st = atm_need_type(call, 0, ATM_TYPE(F32));

    if (st)
        return st;
    atm_set_out(call, 0, ATM_U8, &call->in[0].shape);
    atm_set_out(call, 1, ATM_F32, &scalar);
    atm_set_out(call, 2, ATM_U8, &scalar);
    return ATM_OK;
}

static float saturate(float x)
{
    return x < 0 ? 0 : x > 255 ? 255 : x;
}

/* In float, as ONNX says it: which way a half falls depends on that. */
static enum atm_status run(const struct atm_call *call)
{
    int64_t n = atm_view_count(&call->in[0]), i;
    const float *x = call->in[0].data;
    float lo = 0, hi = 0, scale, zero;

    for (i = 0; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    scale = (hi == lo ? 1 : hi - lo) / 255;
    zero = rintf(saturate(-lo / scale));
    for (i = 0; i < n; i++)
        atm__put_f(&call->out[0], i,
                   (double)saturate(rintf(x[i] / scale) + zero));
    atm__put_f(&call->out[1], 0, (double)scale);
    atm__put_f(&call->out[2], 0, (double)zero);
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_DynamicQuantizeLinear = {.infer = infer,
                                                              .run = run};
