/* qlinear_conv.c - QLinearConv: a convolution of quantised tensors, quantised
 * again. */
#include "ref/quantized.h"

static const struct atm__int_factors factors = {0, 2, 3, 5};

static enum atm_status infer(struct atm_call *call)
{
    enum atm_dtype type = call->in[7].dtype;
    struct atm_shape y = {.rank = 0};
    enum atm_status st = atm__conv_int_infer(call, &factors, &y);

    if (!st)
        st = atm__int_scale_check(call, 1, 1);
    if (!st)
        st = atm__int_scale_check(call, 4, call->in[3].shape.dim[0]);
    if (!st)
        st = atm__int_scale_check(call, 6, 1);
    if (!st)
        st = atm_need_type(call, 7, ATM_TYPE(U8) | ATM_TYPE(I8));
    if (!st && atm_view_count(&call->in[7]) != 1)
        st = atm_fail(ATM_FORMAT, "input 7 (zero point) is no scalar");
    if (!st && atm_has_in(call, 8)) {
        st = atm_need_type(call, 8, ATM_TYPE(I32));
        if (!st && (call->in[8].shape.rank != 1 ||
                    call->in[8].shape.dim[0] != call->in[3].shape.dim[0]))
            st = atm_fail(ATM_FORMAT, "input 8 (bias) needs one element for "
                                      "each channel");
    }
    if (!st)
        atm_set_out(call, 0, type, &y);
    return st;
}

static void sink(const struct atm_call *call, int64_t at, int64_t sum,
                 int64_t row, int64_t col)
{
    double scale = atm__int_param(call, 1, row) * atm__int_param(call, 4, col) /
                   atm__int_param(call, 6, 0);

    if (atm_has_in(call, 8))
        sum += atm__get_i(&call->in[8], row);
    atm__int_requantize(call, at, (double)sum * scale,
                        atm__int_param(call, 7, 0));
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__conv_int_run(call, &factors, sink);
}

const struct atm_op_impl atm_op_impl_QLinearConv = {
    .attrs = atm__conv_int_attrs, .infer = infer, .run = run};
