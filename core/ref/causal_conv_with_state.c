/* causal_conv_with_state.c - CausalConvWithState: each channel convolved with
 * a kernel of its own over the present and the past, which the state holds. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    const char *act = atm_node_string(call->node, "activation", "none");
    const struct atm_shape *x = &call->in[0].shape, *w = &call->in[1].shape;
    struct atm_shape state;
    enum atm_status st;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT);
    if (!st && strcmp(act, "none") != 0 && strcmp(act, "silu") != 0 &&
        strcmp(act, "swish") != 0)
        st = atm_fail(ATM_FORMAT, "activation %s", act);
    if (!st && (x->rank != 3 || w->rank != 3 || w->dim[0] != x->dim[1] ||
                w->dim[1] != 1 || w->dim[2] < 1))
        st = atm_fail(ATM_FORMAT, "the weight is not one kernel a channel");
    if (st)
        return st;
    state = (struct atm_shape){3, {x->dim[0], x->dim[1], w->dim[2] - 1}};
    if (atm_has_in(call, 2) &&
        (call->in[2].shape.rank != 1 || call->in[2].shape.dim[0] != x->dim[1]))
        return atm_fail(ATM_FORMAT, "the bias is not one element a channel");
    if (atm_has_in(call, 3) && !atm_shape_equal(&call->in[3].shape, &state))
        return atm_fail(ATM_FORMAT, "the state does not have kernel - 1 "
                                    "positions of each channel");
    atm_set_out(call, 0, call->in[0].dtype, x);
    atm_set_out(call, 1, call->in[0].dtype, &state);
    return ATM_OK;
}

/* Position t of channel `line`, counted from the begin of the state. */
static double sample(const struct atm_call *call, int64_t line, int64_t t,
                     int64_t before, int64_t length)
{
    if (t >= before)
        return atm__get_f(&call->in[0], line * length + t - before);
    return atm_has_in(call, 3) ? atm__get_f(&call->in[3], line * before + t)
                               : 0;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t k = call->in[1].shape.dim[2], length = x->dim[2], line, t, i;
    bool silu =
        strcmp(atm_node_string(call->node, "activation", "none"), "none") != 0;

    for (line = 0; line < x->dim[0] * x->dim[1]; line++) {
        int64_t c = line % x->dim[1];

        for (t = 0; t < length; t++) {
            double sum = atm_has_in(call, 2) ? atm__get_f(&call->in[2], c) : 0;

            for (i = 0; i < k; i++)
                sum += atm__get_f(&call->in[1], c * k + i) *
                       sample(call, line, t + i, k - 1, length);
            atm__put_f(&call->out[0], line * length + t,
                       silu ? sum / (1 + exp(-sum)) : sum);
        }
        for (i = 0; atm_has_out(call, 1) && i < k - 1; i++)
            atm__put_f(&call->out[1], line * (k - 1) + i,
                       sample(call, line, length + i, k - 1, length));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "activation", .kind = ATM_ATTR_STRING}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_CausalConvWithState = {
    .attrs = attrs, .infer = infer, .run = run};
