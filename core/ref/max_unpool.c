/* max_unpool.c - MaxUnpool: MaxPool's results go back to where they came from,
 * among zeros. */
#include "ref/elem.h"

#include <inttypes.h>

/* The shape that the pool's attributes give: what the indices refer to. */
static enum atm_status pooled_from(const struct atm_call *call,
                                   struct atm_shape *y)
{
    int64_t kernel[ATM_RANK_MAX], stride[ATM_RANK_MAX], pads[2 * ATM_RANK_MAX];
    uint32_t n_kernel, n_stride, n_pads, space, i;
    enum atm_status st = atm_need_rank(call, 0, 3);

    *y = call->in[0].shape;
    if (!st)
        st = atm_attr_ints(call->node, "kernel_shape", ATM_RANK_MAX, kernel,
                           &n_kernel);
    if (!st)
        st = atm_attr_ints(call->node, "strides", ATM_RANK_MAX, stride,
                           &n_stride);
    if (!st)
        st = atm_attr_ints(call->node, "pads", 2 * ATM_RANK_MAX, pads, &n_pads);
    if (st)
        return st;
    space = y->rank - 2;
    if (n_kernel != space || (n_stride && n_stride != space) ||
        (n_pads && n_pads != 2 * space))
        return atm_fail(ATM_FORMAT,
                        "kernel_shape, strides and pads need %" PRIu32
                        " dimensions",
                        space);
    for (i = 0; i < space; i++) {
        int64_t s = n_stride ? stride[i] : 1, *dim = &y->dim[i + 2];
        int64_t lo = n_pads ? pads[i] : 0, hi = n_pads ? pads[i + space] : 0;

        if (s < 1 || s > INT32_MAX || kernel[i] < 1 || kernel[i] > INT32_MAX ||
            lo < 0 || lo > INT32_MAX || hi < 0 || hi > INT32_MAX || *dim < 1 ||
            *dim > INT32_MAX || (*dim - 1) * s + kernel[i] <= lo + hi)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " of the pool makes no sense",
                            i);
        *dim = (*dim - 1) * s + kernel[i] - lo - hi;
    }
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape from, y;
    enum atm_status st;
    uint32_t n = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I64));
    if (!st && !atm_shape_equal(&call->in[0].shape, &call->in[1].shape))
        st = atm_fail(ATM_FORMAT, "each element needs its index");
    if (!st)
        st = pooled_from(call, &from);
    if (st)
        return st;
    y = from;
    if (atm_has_in(call, 2)) {
        st = atm_need_ints(call, 2, "output_shape", ATM_RANK_MAX, y.dim, &n);
        if (st)
            return st;
        for (i = 0; i < from.rank && n == from.rank; i++)
            if (y.dim[i] < from.dim[i])
                n = 0;
        if (n != from.rank)
            return atm_fail(ATM_FORMAT, "input 2 (output_shape) is smaller "
                                        "than the pool's input");
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t n = atm_view_count(x), total, i;
    struct atm_shape from;
    enum atm_status st = pooled_from(call, &from);
    uint32_t d;

    if (!st)
        st = atm_shape_count(&from, &total);
    if (st)
        return st;
    memset(y->data, 0, (size_t)atm_view_count(y) * atm_dtype_bytes(y->dtype));
    for (i = 0; i < n; i++) {
        int64_t k = atm__get_i(&call->in[1], i), at = 0, stride = 1;

        if (k < 0 || k >= total)
            return atm_fail(ATM_FORMAT,
                            "index %" PRId64 " is outside %" PRId64 " elements",
                            k, total);
        for (d = from.rank; d-- > 0; k /= from.dim[d]) {
            at += k % from.dim[d] * stride;
            stride *= y->shape.dim[d];
        }
        atm__move(y, at, x, i);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_MaxUnpool = {
    .attrs = attrs, .infer = infer, .run = run};
