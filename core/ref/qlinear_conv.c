/* qlinear_conv.c - QLinearConv: a convolution of quantised tensors, quantised
 * again. */
#include "ref/quantized.h"

static const struct atm__int_factors factors = {0, 2, 3, 5};

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 0};
    enum atm_status st = atm__conv_int_infer(call, &factors, &y);

    if (!st && atm_has_in(call, 8)) {
        st = atm_need_type(call, 8, ATM_TYPE(I32));
        if (!st && (call->in[8].shape.rank != 1 ||
                    call->in[8].shape.dim[0] != call->in[3].shape.dim[0]))
            st = atm_fail(ATM_FORMAT, "input 8 (bias) needs one element for "
                                      "each channel");
    }
    return st ? st
              : atm__int_quantized_infer(call, 1, call->in[3].shape.dim[0], &y);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__conv_int_run(call, &factors, atm__int_requantize);
}

const struct atm_op_impl atm_op_impl_QLinearConv = {
    .attrs = atm__conv_int_attrs, .infer = infer, .run = run};
