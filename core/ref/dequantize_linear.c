/* dequantize_linear.c - DequantizeLinear: (x - zero point) * scale. */
#include "ref/quantize.h"

#define FLOATS (ATM_TYPE(F16) | ATM_TYPE(BF16) | ATM_TYPE(F32))

static enum atm_status infer(struct atm_call *call)
{
    enum atm_dtype type = ATM_F32;
    enum atm_status st;

    st = atm_need_type(call, 0,
                       ATM_TYPE(U8) | ATM_TYPE(I8) | ATM_TYPE(U16) |
                           ATM_TYPE(I16) | ATM_TYPE(I32));
    if (!st)
        st = atm_need_type(call, 1, FLOATS);
    if (!st)
        st = atm__quantize_check(call);
    if (!st && atm_has_in(call, 2) && call->in[2].dtype != call->in[0].dtype)
        st = atm_fail(ATM_FORMAT, "the zero point is of another type");
    if (!st)
        st = atm__quantize_type(call->node, FLOATS, call->in[1].dtype, &type);
    if (!st)
        atm_set_out(call, 0, type, &call->in[0].shape);
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
