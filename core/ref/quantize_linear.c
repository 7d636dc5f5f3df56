/* quantize_linear.c - QuantizeLinear: round(x / scale) + zero point, halves to
 * even, saturated to 8 or 16 bits. The quotient has the scale's precision, or
 * that of attribute `precision`. */
#include "ref/quantize.h"

#include <math.h>

#define QUANTA (ATM_TYPE(U8) | ATM_TYPE(I8) | ATM_TYPE(U16) | ATM_TYPE(I16))
#define HALVES (ATM_TYPE(F16) | ATM_TYPE(BF16))

/* What the quotient is rounded to. */
static enum atm_status precision_of(const struct atm_call *call,
                                    enum atm_dtype *type)
{
    int64_t code = atm_node_int(call->node, "precision", 0);

    *type = code == 0                ? call->in[1].dtype
            : code > 0 && code <= 64 ? atm_dtype_from_onnx((int)code)
                                     : ATM_DTYPE_NONE;
    if (code == 0 && !atm__is_float(*type))
        *type = ATM_F32;
    return atm_type_in(*type, HALVES | ATM_TYPE(F32))
               ? ATM_OK
               : atm_fail(ATM_UNSUPPORTED, "attribute precision names neither "
                                           "float, float16 nor bfloat16");
}

static enum atm_status infer(struct atm_call *call)
{
    enum atm_dtype type = ATM_U8, precision;
    enum atm_status st;

    st = atm_need_type(call, 0, HALVES | ATM_TYPE(F32) | ATM_TYPE(I32));
    if (!st)
        st = atm_need_type(call, 1, HALVES | ATM_TYPE(F32) | ATM_TYPE(I32));
    if (!st)
        st = atm__quantize_check(call);
    if (!st)
        st = precision_of(call, &precision);
    if (!st && atm_has_in(call, 2)) {
        st = atm_need_type(call, 2, QUANTA);
        type = call->in[2].dtype;
    }
    if (!st)
        st = atm__quantize_type(call->node, QUANTA, type, &type);
    if (!st && atm_has_in(call, 2) && type != call->in[2].dtype)
        st = atm_fail(ATM_FORMAT, "the zero point is not of output_dtype");
    if (!st)
        atm_set_out(call, 0, type, &call->in[0].shape);
    return st;
}

static float rounded(enum atm_dtype precision, float x)
{
    if (precision == ATM_F16)
        return atm__half_to_float(atm__float_to_half(x));
    if (precision == ATM_BF16)
        return atm__bfloat_to_float(atm__float_to_bfloat(x));
    return x;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    bool is_signed = atm_type_in(y->dtype, ATM_TYPES_SIGNED);
    double range = atm_dtype_bytes(y->dtype) == 1 ? 255 : 65535;
    double lo = is_signed ? -(range + 1) / 2 : 0, hi = lo + range;
    int64_t n = atm_view_count(y), i;
    enum atm_dtype precision;
    enum atm_status st;

    st = precision_of(call, &precision);
    for (i = 0; !st && i < n; i++) {
        int64_t s = atm__quantize_slice(call, i);
        float scale = (float)atm__get_f(&call->in[1], s);
        double q =
            (double)rintf(rounded(precision, (float)atm__get_f(x, i) / scale));

        if (atm_has_in(call, 2))
            q += atm__get_f(&call->in[2], s);
        atm__put_f(y, i, q < lo ? lo : q > hi ? hi : q);
    }
    return st;
}

const struct atm_op_impl atm_op_impl_QuantizeLinear = {
    .attrs = atm__quantize_attrs, .infer = infer, .run = run};
