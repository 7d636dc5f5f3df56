/* batch_normalization.c - BatchNormalization at inference:
 * (x - mean) / sqrt(var + epsilon) * scale + bias, a channel at a time, or an
 * activation at a time where an old model says spatial=0. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

static bool per_activation(const struct atm_call *call)
{
    return !atm_node_int(call->node, "spatial", 1);
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape stat = {.rank = 1};
    char text[128], want[128];
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (st)
        return st;
    if (atm_node_int(call->node, "training_mode", 0))
        return atm_fail(ATM_UNSUPPORTED,
                        "training mode; only inference is implemented");
    for (i = 1; i < call->n_out; i++)
        if (call->out[i].present)
            return atm_fail(ATM_UNSUPPORTED,
                            "output %" PRIu32 " exists in training mode only; "
                            "only inference is implemented",
                            i);
    stat.dim[0] = x->rank > 1 ? x->dim[1] : 1;
    if (per_activation(call) && x->rank > 1) {
        stat.rank = x->rank - 1;
        memcpy(stat.dim, x->dim + 1, stat.rank * sizeof(stat.dim[0]));
    }
    for (i = 1; i < 5; i++) {
        st = atm_need_type(call, i, ATM_TYPES_FLOAT);
        if (st)
            return st;
        if (!atm_shape_equal(&call->in[i].shape, &stat))
            return atm_fail(
                ATM_FORMAT,
                "input %" PRIu32 " has shape %s, the channels "
                "need %s",
                i, atm_shape_str(&call->in[i].shape, text, sizeof(text)),
                atm_shape_str(&stat, want, sizeof(want)));
    }
    atm_set_out(call, 0, call->in[0].dtype, x);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    int64_t stats = atm_view_count(&call->in[1]), s, n, i, at = 0;
    int64_t count = atm_view_count(x), inner = 1;

    if (!per_activation(call))
        inner = atm_dims_product(&x->shape, 2, x->shape.rank);
    for (n = 0; at < count; n++)
        for (s = 0; s < stats; s++) {
            double scale = atm__get_f(&call->in[1], s) /
                           sqrt(atm__get_f(&call->in[4], s) + epsilon);
            double mean = atm__get_f(&call->in[3], s);
            double bias = atm__get_f(&call->in[2], s);

            for (i = 0; i < inner; i++, at++)
                atm__put_f(y, at, (atm__get_f(x, at) - mean) * scale + bias);
        }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "epsilon", .kind = ATM_ATTR_FLOAT},
    {.name = "momentum", .kind = ATM_ATTR_FLOAT},
    {.name = "training_mode", .kind = ATM_ATTR_INT, .since = 14},
    {.name = "spatial", .kind = ATM_ATTR_INT, .until = 8},
    {.name = "is_test", .kind = ATM_ATTR_INT, .until = 6},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_BatchNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
