/* quantize.c - scale and zero point, of the tensor or along one axis. */
#include "ref/quantize.h"

const struct atm_attr_def atm__quantize_attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT, .since = 13}, {.name = NULL}};

static bool whole(const struct atm_view *scale)
{
    return scale->shape.rank == 0 ||
           (scale->shape.rank == 1 && scale->shape.dim[0] == 1);
}

enum atm_status atm__quantize_check(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_view *scale = &call->in[1];
    enum atm_status st = atm_need_type(call, 1, ATM_TYPE(F32));
    uint32_t axis = 0;

    if (!st && !whole(scale)) {
        st = atm_axis(atm_node_int(call->node, "axis", 1), x->rank, &axis);
        if (!st &&
            (scale->shape.rank != 1 || scale->shape.dim[0] != x->dim[axis]))
            st = atm_fail(ATM_FORMAT, "the scale is neither one number nor "
                                      "one a slice of the axis");
    }
    if (!st && atm_has_in(call, 2) &&
        !atm_shape_equal(&scale->shape, &call->in[2].shape))
        st = atm_fail(ATM_FORMAT, "scale and zero point differ in shape");
    return st;
}

int64_t atm__quantize_slice(const struct atm_call *call, int64_t at)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t axis = 0;

    if (whole(&call->in[1]) ||
        atm_axis(atm_node_int(call->node, "axis", 1), x->rank, &axis))
        return 0;
    return at / atm_dims_product(x, axis + 1, x->rank) % x->dim[axis];
}
