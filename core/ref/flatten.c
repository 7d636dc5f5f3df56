/* flatten.c - Flatten: dimensions before and from `axis` on make a matrix. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t axis = atm_node_int(call->node, "axis", 1);
    struct atm_shape y = {.rank = 2};
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (st)
        return st;
    if (axis < -(int64_t)x->rank || axis > (int64_t)x->rank)
        return atm_fail(ATM_FORMAT,
                        "attribute axis is outside the input's rank");
    if (axis < 0)
        axis += x->rank;
    y.dim[0] = atm_dims_product(x, 0, (uint32_t)axis);
    y.dim[1] = atm_dims_product(x, (uint32_t)axis, x->rank);
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__copy_view(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Flatten = {
    .attrs = attrs, .infer = infer, .run = run};
