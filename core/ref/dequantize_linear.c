/* dequantize_linear.c - DequantizeLinear: (x - zero point) * scale. */
#include "ref/quantize.h"

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPE(U8) | ATM_TYPE(I8) | ATM_TYPE(I32));
    if (!st)
        st = atm__quantize_check(call);
    if (!st && atm_has_in(call, 2) && call->in[2].dtype != call->in[0].dtype)
        st = atm_fail(ATM_FORMAT, "the zero point is of another type");
    if (!st)
        atm_set_out(call, 0, ATM_F32, &call->in[0].shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++) {
        int64_t s = atm__quantize_slice(call, i);
        int64_t zero = atm_has_in(call, 2) ? atm__get_i(&call->in[2], s) : 0;

        atm__put_f(y, i,
                   (double)(atm__get_i(x, i) - zero) *
                       atm__get_f(&call->in[1], s));
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_DequantizeLinear = {
    .attrs = atm__quantize_attrs, .infer = infer, .run = run};
