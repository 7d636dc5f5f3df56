/* batch_normalization.c - BatchNormalization:
 * (x - mean) / sqrt(var + epsilon) * scale + bias, a channel at a time, or an
 * activation at a time where an old model says spatial=0. In training mean
 * and variance are those of the batch, and the running ones move to them. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

static bool per_activation(const struct atm_call *call)
{
    return !atm_node_int(call->node, "spatial", 1);
}

/* Opset 14 has an attribute for it; from 7 on the outputs said it. */
static bool training(const struct atm_call *call)
{
    return atm_node_int(call->node, "training_mode", 0) != 0 ||
           (call->node->opset < 14 && call->node->opset >= 7 &&
            call->n_out > 1);
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
    for (i = training(call) ? 3 : 1; i < call->n_out; i++)
        if (call->out[i].present)
            return atm_fail(ATM_UNSUPPORTED, "output %" PRIu32 " is %s", i,
                            i < 3 ? "of training mode only"
                                  : "left to the implementation by ONNX");
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
    atm_set_out(call, 1, call->in[3].dtype, &stat);
    atm_set_out(call, 2, call->in[4].dtype, &stat);
    return ATM_OK;
}

/* Mean and variance of what statistic s is of, over the batch. */
static void measure(const struct atm_view *x, int64_t stats, int64_t inner,
                    int64_t s, double *mean, double *var)
{
    int64_t images = atm_view_count(x) / (stats * inner), n, i;
    double sum = 0, squares = 0, count = (double)(images * inner);

    for (n = 0; n < images; n++)
        for (i = 0; i < inner; i++)
            sum += atm__get_f(x, (n * stats + s) * inner + i);
    *mean = sum / count;
    for (n = 0; n < images; n++)
        for (i = 0; i < inner; i++) {
            double d = atm__get_f(x, (n * stats + s) * inner + i) - *mean;

            squares += d * d;
        }
    *var = squares / count;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    double keep = (double)atm_node_float(call->node, "momentum", 0.9f);
    int64_t stats = atm_view_count(&call->in[1]), s, i, at;
    int64_t count = atm_view_count(x), inner = 1;
    uint32_t k;

    if (!per_activation(call))
        inner = atm_dims_product(&x->shape, 2, x->shape.rank);
    for (s = 0; s < stats; s++) {
        double stat[2] = {atm__get_f(&call->in[3], s),
                          atm__get_f(&call->in[4], s)};
        double now[2], scale, bias = atm__get_f(&call->in[2], s);

        if (training(call) && count > 0) {
            measure(x, stats, inner, s, &now[0], &now[1]);
            for (k = 0; k < 2; k++)
                if (atm_has_out(call, k + 1))
                    atm__put_f(&call->out[k + 1], s,
                               keep * stat[k] + (1 - keep) * now[k]);
            memcpy(stat, now, sizeof(stat));
        }
        scale = atm__get_f(&call->in[1], s) / sqrt(stat[1] + epsilon);
        for (at = s * inner; at < count; at += stats * inner)
            for (i = 0; i < inner; i++)
                atm__put_f(y, at + i,
                           (atm__get_f(x, at + i) - stat[0]) * scale + bias);
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
