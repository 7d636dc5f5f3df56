/* conv_transpose.c - ConvTranspose: the gradient of a convolution. Each input
 * element adds its weighted kernel to the output. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *k = &call->in[1].shape;
    int64_t group = atm_node_int(call->node, "group", 1), channels;
    struct atm_shape y = *x;
    struct atm_window w;
    enum atm_status st;
    uint32_t i;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_window_transposed(call->node, x, k, &w);
    if (st)
        return st;
    if (group < 1 || k->dim[0] != x->dim[1] || x->dim[1] % group != 0 ||
        k->dim[1] > INT64_MAX / group)
        return atm_fail(ATM_FORMAT,
                        "%" PRId64 " channels in %" PRId64
                        " groups do not fit weights of %" PRId64 "x%" PRId64
                        " channels",
                        x->dim[1], group, k->dim[0], k->dim[1]);
    channels = k->dim[1] * group;
    if (atm_has_in(call, 2) &&
        (call->in[2].shape.rank != 1 || call->in[2].shape.dim[0] != channels))
        return atm_fail(ATM_FORMAT,
                        "input 2 (bias) needs one element for "
                        "each of %" PRId64 " channels",
                        channels);
    y.dim[1] = channels;
    for (i = 0; i < w.rank; i++)
        y.dim[i + 2] = w.in[i];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* Offset in an output plane where kernel element `k` of the input element at
 * `at` lands; -1: in the padding, which is cut off. */
static int64_t landing(const struct atm_window *w, const int64_t *at,
                       const int64_t *k)
{
    int64_t off = 0;
    uint32_t i;

    for (i = 0; i < w->rank; i++) {
        int64_t o = at[i] * w->stride[i] + k[i] * w->dilation[i] - w->begin[i];

        if (o < 0 || o >= w->in[i])
            return -1;
        off = off * w->in[i] + o;
    }
    return off;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *weight = &call->in[1];
    struct atm_view acc = call->out[0], *y = &acc;
    int64_t group = atm_node_int(call->node, "group", 1);
    int64_t m = weight->shape.dim[1], per_group = x->shape.dim[1] / group;
    int64_t plane = atm_dims_product(&y->shape, 2, y->shape.rank);
    int64_t count = atm_view_count(y), at;
    struct atm_window w;
    struct atm__walk in, tap;
    struct atm_shape kernel = weight->shape;
    enum atm_status st;

    st = atm_window_transposed(call->node, &x->shape, &weight->shape, &w);
    if (st || count == 0)
        return st;
    if (atm_dtype_bytes(y->dtype) == 2) { /* summed up as float */
        acc.dtype = ATM_F32;
        acc.data = call->scratch;
    }
    for (at = 0; at < count; at++)
        atm__put_f(y, at,
                   atm_has_in(call, 2)
                       ? atm__get_f(&call->in[2], at / plane % y->shape.dim[1])
                       : 0);
    kernel.dim[0] = 1; /* the input channel chooses it */
    at = 0;
    for (atm__walk_begin(&in, &x->shape); in.left > 0;
         atm__walk_next(&in), at++) {
        int64_t c = in.index[1], k, out;
        double v = atm__get_f(x, at);

        k = c * atm_view_count(weight) / weight->shape.dim[0];
        for (atm__walk_begin(&tap, &kernel); tap.left > 0;
             atm__walk_next(&tap), k++) {
            out = landing(&w, in.index + 2, tap.index + 2);
            if (out < 0)
                continue;
            out += (in.index[0] * y->shape.dim[1] + c / per_group * m +
                    tap.index[1]) *
                   plane;
            atm__put_f(y, out, atm__get_f(y, out) + v * atm__get_f(weight, k));
        }
    }
    for (at = 0; acc.data != call->out[0].data && at < count; at++)
        atm__put_f(&call->out[0], at, atm__get_f(y, at));
    return ATM_OK;
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];

    return atm_dtype_bytes(y->dtype) == 2
               ? (uint64_t)atm_view_count(y) * sizeof(float)
               : 0;
}

static const struct atm_attr_def attrs[] = {
    {.name = "auto_pad", .kind = ATM_ATTR_STRING},
    {.name = "dilations", .kind = ATM_ATTR_INTS},
    {.name = "group", .kind = ATM_ATTR_INT},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS},
    {.name = "output_padding", .kind = ATM_ATTR_INTS},
    {.name = "output_shape", .kind = ATM_ATTR_INTS},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_ConvTranspose = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
