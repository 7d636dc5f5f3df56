/* quantize_linear.c - QuantizeLinear: round(x / scale) + zero point, halves to
 * even, saturated to 8 bits. */
#include "ref/quantize.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    enum atm_dtype type = ATM_U8;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPE(F32) | ATM_TYPE(I32));
    if (!st)
        st = atm__quantize_check(call);
    if (!st && atm_has_in(call, 2)) {
        st = atm_need_type(call, 2, ATM_TYPE(U8) | ATM_TYPE(I8));
        type = call->in[2].dtype;
    }
    if (!st)
        atm_set_out(call, 0, type, &call->in[0].shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double lo = y->dtype == ATM_U8 ? 0 : -128, hi = lo + 255;
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++) {
        int64_t s = atm__quantize_slice(call, i);
        float scale = (float)atm__get_f(&call->in[1], s);
        double q = (double)rintf((float)atm__get_f(x, i) / scale);

        if (atm_has_in(call, 2))
            q += atm__get_f(&call->in[2], s);
        atm__put_f(y, i, q < lo ? lo : q > hi ? hi : q);
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_QuantizeLinear = {
    .attrs = atm__quantize_attrs, .infer = infer, .run = run};
