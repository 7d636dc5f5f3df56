/* lrn.c - LRN: x / (bias + alpha / size * sum of squares over `size`
 * neighbouring channels) ^ beta. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t size = atm_node_int(call->node, "size", 0);
    enum atm_status st = atm_need_rank(call, 0, 2);

    if (!st && (size < 1 || size > INT32_MAX))
        st = atm_fail(ATM_FORMAT, "attribute size is not positive");
    return st ? st : atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t size = atm_node_int(call->node, "size", 1);
    double alpha = (double)atm_node_float(call->node, "alpha", 1e-4f);
    double beta = (double)atm_node_float(call->node, "beta", 0.75f);
    double bias = (double)atm_node_float(call->node, "bias", 1);
    int64_t channels = x->shape.dim[1];
    int64_t plane = atm_dims_product(&x->shape, 2, x->shape.rank);
    int64_t count = atm_view_count(y), at;

    for (at = 0; at < count; at++) {
        int64_t c = at / plane % channels, k;
        int64_t lo = c - (size - 1) / 2, hi = c + size / 2;
        double sum = 0;

        for (k = lo < 0 ? 0 : lo; k <= hi && k < channels; k++) {
            double v = atm__get_f(x, at + (k - c) * plane);

            sum += v * v;
        }
        atm__put_f(y, at,
                   atm__get_f(x, at) /
                       pow(bias + alpha / (double)size * sum, beta));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT},
    {.name = "beta", .kind = ATM_ATTR_FLOAT},
    {.name = "bias", .kind = ATM_ATTR_FLOAT},
    {.name = "size", .kind = ATM_ATTR_INT, .required = true},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LRN = {
    .attrs = attrs, .infer = infer, .run = run};
