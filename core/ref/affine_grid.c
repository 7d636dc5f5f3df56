/* affine_grid.c - AffineGrid: where an affine map sends the pixels of an image
 * or the voxels of a volume, in coordinates from -1 to 1. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *theta = &call->in[0].shape;
    struct atm_shape y = {.rank = 0};
    int64_t size[5];
    enum atm_status st;
    uint32_t n = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_ints(call, 1, "size", 5, size, &n);
    if (st)
        return st;
    if (n < 4 || theta->rank != 3 || theta->dim[0] != size[0] ||
        theta->dim[1] != n - 2 || theta->dim[2] != n - 1)
        return atm_fail(ATM_FORMAT, "theta is no batch of matrices for a grid "
                                    "of that size");
    y.dim[y.rank++] = size[0];
    for (i = 2; i < n; i++) {
        if (size[i] < 0)
            return atm_fail(ATM_FORMAT, "a size is negative");
        y.dim[y.rank++] = size[i];
    }
    y.dim[y.rank++] = n - 2;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static double place(int64_t i, int64_t n, bool corners)
{
    if (corners)
        return n > 1 ? 2 * (double)i / (double)(n - 1) - 1 : -1;
    return (2 * (double)i + 1) / (double)n - 1;
}

static enum atm_status run(const struct atm_call *call)
{
    bool corners = atm_node_int(call->node, "align_corners", 0) != 0;
    const struct atm_view *theta = &call->in[0], *y = &call->out[0];
    uint32_t n = y->shape.rank - 2, k;
    struct atm__walk w;
    int64_t at;

    atm__walk_begin(&w, &y->shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        int64_t row = (w.index[0] * n + w.index[n + 1]) * (n + 1);
        double sum = atm__get_f(theta, row + n);

        for (k = 0; k < n; k++) /* x is the last dimension of the image */
            sum += atm__get_f(theta, row + k) *
                   place(w.index[n - k], y->shape.dim[n - k], corners);
        atm__put_f(y, at, sum);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "align_corners", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_AffineGrid = {
    .attrs = attrs, .infer = infer, .run = run};
