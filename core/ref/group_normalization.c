/* group_normalization.c - GroupNormalization: each group of an image's
 * channels by its own mean and variance, then scale and bias: one a channel
 * since opset 21, one a group before. */
#include "ref/normalize.h"

#include <inttypes.h>
#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t groups = atm_node_int(call->node, "num_groups", 0);
    const struct atm_shape *x = &call->in[0].shape;
    enum atm_status st = atm_need_rank(call, 0, 2);
    uint32_t i;

    if (!st && (groups < 1 || x->dim[1] % groups != 0))
        st = atm_fail(ATM_FORMAT,
                      "%" PRId64 " channels in num_groups=%" PRId64 " groups",
                      x->dim[1], groups);
    for (i = 1; !st && i < 3; i++)
        if (call->in[i].shape.rank != 1 ||
            call->in[i].shape.dim[0] !=
                (call->node->opset < 21 ? groups : x->dim[1]))
            st = atm_fail(ATM_FORMAT, "scale and bias need one element a %s",
                          call->node->opset < 21 ? "group" : "channel");
    return st ? st : atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    int64_t groups = atm_node_int(call->node, "num_groups", 1);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t plane = atm_dims_product(&x->shape, 2, x->shape.rank);
    int64_t members = x->shape.dim[1] / groups, at = 0, end, group, c, i;
    int64_t count = atm_view_count(x);

    for (group = 0; at < count; group = (group + 1) % groups) {
        struct atm__moments m = atm__moments_of(x, at, members * plane);
        double inverse = 1 / sqrt(m.var + epsilon);

        for (c = 0; c < members; c++) {
            i = call->node->opset < 21 ? group : group * members + c;
            for (end = at + plane; at < end; at++)
                atm__put_f(y, at,
                           (atm__get_f(x, at) - m.mean) * inverse *
                                   atm__get_f(&call->in[1], i) +
                               atm__get_f(&call->in[2], i));
        }
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "epsilon", .kind = ATM_ATTR_FLOAT},
    {.name = "num_groups", .kind = ATM_ATTR_INT, .required = true},
    {.name = "stash_type", .kind = ATM_ATTR_INT, .since = 21},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_GroupNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
