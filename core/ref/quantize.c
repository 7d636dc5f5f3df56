/* quantize.c - scale and zero point: of the tensor, along one axis, or one a
 * block of an axis. */
#include "ref/quantize.h"

#include <inttypes.h>

/* `saturate` is about 8-bit floats, which are refused as types. */
const struct atm_attr_def atm__quantize_attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT, .since = 13},
    {.name = "block_size", .kind = ATM_ATTR_INT, .since = 21},
    {.name = "output_dtype", .kind = ATM_ATTR_INT, .since = 21},
    {.name = "precision", .kind = ATM_ATTR_INT, .since = 23},
    {.name = "saturate", .kind = ATM_ATTR_INT, .since = 19},
    {.name = NULL}};

static bool whole(const struct atm_view *scale)
{
    return scale->shape.rank == 0 ||
           (scale->shape.rank == 1 && scale->shape.dim[0] == 1);
}

/* One scale a block: its shape is that of x but for the axis. */
static enum atm_status check_blocks(const struct atm_shape *x,
                                    const struct atm_shape *scale,
                                    uint32_t axis, int64_t block)
{
    uint32_t d;
    bool fits = block > 0 && scale->rank == x->rank;

    for (d = 0; fits && d < x->rank; d++)
        fits = scale->dim[d] ==
               (d == axis ? (x->dim[d] - 1) / block + 1 : x->dim[d]);
    return fits ? ATM_OK
                : atm_fail(ATM_FORMAT,
                           "the scale is not one number a block of %" PRId64
                           " slices of the axis",
                           block);
}

enum atm_status atm__quantize_check(const struct atm_call *call)
{
    int64_t block = atm_node_int(call->node, "block_size", 0);
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_view *scale = &call->in[1];
    enum atm_status st = ATM_OK;
    uint32_t axis = 0;

    if (block != 0 || !whole(scale))
        st = atm_axis(atm_node_int(call->node, "axis", 1), x->rank, &axis);
    if (!st && block != 0)
        st = check_blocks(x, &scale->shape, axis, block);
    else if (!st && !whole(scale) &&
             (scale->shape.rank != 1 || scale->shape.dim[0] != x->dim[axis]))
        st = atm_fail(ATM_FORMAT, "the scale is neither one number nor "
                                  "one a slice of the axis");
    if (!st && atm_has_in(call, 2) &&
        !atm_shape_equal(&scale->shape, &call->in[2].shape))
        st = atm_fail(ATM_FORMAT, "scale and zero point differ in shape");
    return st;
}

int64_t atm__quantize_slice(const struct atm_call *call, int64_t at)
{
    int64_t block = atm_node_int(call->node, "block_size", 0), step, n;
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t axis = 0;

    if ((block == 0 && whole(&call->in[1])) ||
        atm_axis(atm_node_int(call->node, "axis", 1), x->rank, &axis))
        return 0;
    step = atm_dims_product(x, axis + 1, x->rank);
    n = x->dim[axis];
    if (block == 0)
        return at / step % n;
    return (at / (step * n) * ((n - 1) / block + 1) + at / step % n / block) *
               step +
           at % step;
}

enum atm_status atm__quantize_type(const struct atm_node *node, uint32_t types,
                                   enum atm_dtype otherwise,
                                   enum atm_dtype *type)
{
    int64_t code = atm_node_int(node, "output_dtype", 0);

    *type = code == 0                ? otherwise
            : code > 0 && code <= 64 ? atm_dtype_from_onnx((int)code)
                                     : ATM_DTYPE_NONE;
    return atm_type_in(*type, types)
               ? ATM_OK
               : atm_fail(ATM_UNSUPPORTED,
                          "type %" PRId64 " of attribute output_dtype is not "
                          "implemented",
                          code);
}
