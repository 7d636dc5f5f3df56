/* center_crop_pad.c - CenterCropPad: dimensions cut or padded with zeros to a
 * given size, about their middle. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status target(const struct atm_call *call, struct atm_shape *y)
{
    int64_t axes[ATM_RANK_MAX], size[ATM_RANK_MAX];
    uint32_t rank = call->in[0].shape.rank, n, n_sizes, set, i, d;
    enum atm_status st;

    *y = call->in[0].shape;
    st = atm_attr_ints(call->node, "axes", ATM_RANK_MAX, axes, &n);
    if (!st && n > 0)
        st = atm_axes(axes, n, rank, &set);
    if (!st)
        st = atm_need_ints(call, 1, "shape", ATM_RANK_MAX, size, &n_sizes);
    if (!st && n_sizes != (n ? n : rank))
        st = atm_fail(ATM_FORMAT, "input 1 (shape) has %" PRIu32 " elements",
                      n_sizes);
    for (i = 0; !st && i < n_sizes; i++) {
        st = atm_axis(n ? axes[i] : (int64_t)i, rank, &d);
        if (!st && (size[i] < 0 || size[i] > INT32_MAX))
            st = atm_fail(ATM_FORMAT, "a size is %" PRId64, size[i]);
        if (!st)
            y->dim[d] = size[i];
    }
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);
    struct atm_shape y;

    if (!st)
        st = target(call, &y);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], shift[ATM_RANK_MAX], at;
    struct atm__walk w;
    uint32_t d;

    atm__strides(&x->shape, stride);
    for (d = 0; d < x->shape.rank; d++) {
        int64_t more = x->shape.dim[d] - y->shape.dim[d];

        shift[d] = more > 0 ? more / 2 : -(-more / 2);
    }
    memset(y->data, 0, (size_t)atm_view_count(y) * atm_dtype_bytes(y->dtype));
    atm__walk_begin(&w, &y->shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        int64_t from = 0;
        bool inside = true;

        for (d = 0; d < w.rank; d++) {
            int64_t k = w.index[d] + shift[d];

            inside = inside && k >= 0 && k < x->shape.dim[d];
            from += inside ? k * stride[d] : 0;
        }
        if (inside)
            atm__move(y, at, x, from);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axes", .kind = ATM_ATTR_INTS}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_CenterCropPad = {
    .attrs = attrs, .infer = infer, .run = run};
