/* prelu.c - PRelu: x, below 0 slope x; the slope broadcasts into x, before
 * opset 7 along the channels. */
#include "ref/elem.h"

static void slope_shape(const struct atm_call *call, struct atm_shape *s)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t i;

    *s = call->in[1].shape;
    if (call->node->opset >= 7 || s->rank != 1 || s->dim[0] == 1 || x->rank < 2)
        return;
    s->rank = x->rank - 1;
    for (i = 1; i < s->rank; i++)
        s->dim[i] = 1;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape, slope;
    enum atm_status st;

    st = atm_need_same_type(call, ATM_TYPES_NUMBER);
    slope_shape(call, &slope);
    if (!st)
        st = atm_broadcast(&y, &slope);
    if (!st && !atm_shape_equal(&y, &call->in[0].shape))
        st = atm_fail(ATM_FORMAT, "the slope does not broadcast into input 0");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *slope = &call->in[1];
    const struct atm_view *y = &call->out[0];
    bool floating = atm__is_float(x->dtype);
    bool is_signed = atm_type_in(x->dtype, ATM_TYPES_SIGNED);
    struct atm_shape shape;
    struct atm__walk w;
    int64_t at;

    slope_shape(call, &shape);
    atm__walk_begin(&w, &y->shape);
    atm__walk_broadcast(&w, &shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        if (floating) {
            double v = atm__get_f(x, at);

            atm__put_f(y, at, v < 0 ? v * atm__get_f(slope, w.at[0]) : v);
        } else {
            int64_t v = atm__get_i(x, at);
            uint64_t k = (uint64_t)atm__get_i(slope, w.at[0]);

            atm__put_i(y, at,
                       is_signed && v < 0 ? (int64_t)((uint64_t)v * k) : v);
        }
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_PRelu = {
    .attrs = attrs, .infer = infer, .run = run};
