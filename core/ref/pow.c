/* pow.c - Pow: the result has the type of the base; integers wrap. */
#include "ref/binary.h"

#include <math.h>

static int64_t int_power(int64_t base, int64_t exponent)
{
    uint64_t result = 1, square = (uint64_t)base;

    for (; exponent > 0; exponent >>= 1, square *= square)
        if (exponent & 1)
            result *= square;
    return (int64_t)result;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape, b;
    enum atm_status st;

    st =
        atm_need_type(call, 0, ATM_TYPES_FLOAT | ATM_TYPE(I32) | ATM_TYPE(I64));
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_NUMBER);
    if (!st && call->node->opset < 12 && call->in[0].dtype != call->in[1].dtype)
        st = atm_fail(ATM_FORMAT, "the types differ, which needs opset 12");
    if (!st)
        st = atm_legacy_broadcast(call, &b);
    if (!st)
        st = atm_broadcast(&y, &b);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *a = &call->in[0], *b = &call->in[1];
    const struct atm_view *y = &call->out[0];
    bool integer = !atm__is_float(a->dtype) && !atm__is_float(b->dtype);
    struct atm_shape b_shape;
    struct atm__walk w;
    enum atm_status st;
    int64_t at;

    st = atm_legacy_broadcast(call, &b_shape);
    if (st)
        return st;
    atm__walk_begin(&w, &y->shape);
    atm__walk_broadcast(&w, &a->shape);
    atm__walk_broadcast(&w, &b_shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        if (integer && atm__get_i(b, w.at[1]) >= 0)
            atm__put_i(
                y, at,
                int_power(atm__get_i(a, w.at[0]), atm__get_i(b, w.at[1])));
        else
            atm__put_f(y, at,
                       pow(atm__get_f(a, w.at[0]), atm__get_f(b, w.at[1])));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {ATM__BINARY_ATTRS};

const struct atm_op_impl atm_op_impl_Pow = {
    .attrs = attrs, .infer = infer, .run = run};
