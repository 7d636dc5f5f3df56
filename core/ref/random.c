/* random.c - operators that draw numbers. */
#include "ref/random.h"

#include <inttypes.h>

uint64_t atm__random_seed(const struct atm_call *call)
{
    const struct atm_attr *seed = atm_node_attr(call->node, "seed");
    uint32_t bits;

    if (!seed)
        return call->node->out[0];
    memcpy(&bits, &seed->f, sizeof(bits));
    return UINT64_C(1) << 32 | bits;
}

static enum atm_status shape_of(const struct atm_call *call,
                                struct atm_shape *y)
{
    enum atm_status st;
    uint32_t n, i;

    if (call->n_in > 0) {
        *y = call->in[0].shape;
        return ATM_OK;
    }
    *y = (struct atm_shape){.rank = 0};
    st = atm_attr_ints(call->node, "shape", ATM_RANK_MAX, y->dim, &n);
    y->rank = n;
    for (i = 0; !st && i < n; i++)
        if (y->dim[i] < 0)
            st = atm_fail(ATM_FORMAT,
                          "attribute shape: dimension %" PRIu32 " is %" PRId64,
                          i, y->dim[i]);
    return st;
}

enum atm_status atm__random_infer(struct atm_call *call)
{
    enum atm_dtype type = call->n_in > 0 ? call->in[0].dtype : ATM_F32;
    const struct atm_attr *given = atm_node_attr(call->node, "dtype");
    enum atm_status st;
    struct atm_shape y;

    if (given)
        type = given->i > 0 && given->i <= 64
                   ? atm_dtype_from_onnx((int)given->i)
                   : ATM_DTYPE_NONE;
    if (!atm_type_in(type, ATM_TYPES_FLOAT))
        return atm_fail(ATM_UNSUPPORTED, "the result is of no floating type");
    st = shape_of(call, &y);
    if (!st)
        atm_set_out(call, 0, type, &y);
    return st;
}

enum atm_status atm__random_uniform(const struct atm_call *call)
{
    double low = (double)atm_node_float(call->node, "low", 0);
    double high = (double)atm_node_float(call->node, "high", 1);
    int64_t n = atm_view_count(&call->out[0]), i;
    uint64_t seed = atm__random_seed(call);

    for (i = 0; i < n; i++)
        atm__put_f(&call->out[0], i,
                   low + (high - low) * atm_rng_f64(seed, (uint64_t)i));
    return ATM_OK;
}

enum atm_status atm__random_normal(const struct atm_call *call)
{
    double mean = (double)atm_node_float(call->node, "mean", 0);
    double scale = (double)atm_node_float(call->node, "scale", 1);
    int64_t n = atm_view_count(&call->out[0]), i;
    uint64_t seed = atm__random_seed(call);
    float x;

    for (i = 0; i < n; i++) {
        atm_rng_normal(seed, (uint64_t)i, 1, &x);
        atm__put_f(&call->out[0], i, mean + scale * (double)x);
    }
    return ATM_OK;
}
