/* instance_normalization.c - InstanceNormalization: each image's channel by
 * its own mean and variance, then scale and bias. */
#include "ref/normalize.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    enum atm_status st = atm_need_rank(call, 0, 3);
    uint32_t i;

    for (i = 1; !st && i < 3; i++)
        if (call->in[i].shape.rank != 1 ||
            call->in[i].shape.dim[0] != x->dim[1])
            st = atm_fail(ATM_FORMAT, "scale and bias need one element a "
                                      "channel");
    return st ? st : atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t plane = atm_dims_product(&x->shape, 2, x->shape.rank);
    int64_t count = atm_view_count(x), at = 0, end, plane_id;

    for (plane_id = 0; at < count; plane_id++) {
        struct atm__moments m = atm__moments_of(x, at, plane);
        int64_t c = plane_id % x->shape.dim[1];
        double scale = atm__get_f(&call->in[1], c) / sqrt(m.var + epsilon);
        double bias = atm__get_f(&call->in[2], c);

        for (end = at + plane; at < end; at++)
            atm__put_f(y, at, (atm__get_f(x, at) - m.mean) * scale + bias);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "epsilon", .kind = ATM_ATTR_FLOAT},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_InstanceNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
