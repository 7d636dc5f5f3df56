/* one_hot.c - OneHot: in[2][1] where the position along the new axis is the
 * index, in[2][0] elsewhere; an index out of range marks nothing. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_view *depth = &call->in[1];
    struct atm_shape y = {.rank = x->rank + 1};
    enum atm_status st;
    uint32_t axis = 0, i;

    if (x->rank >= ATM_RANK_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "the result has more than %d "
                        "dimensions",
                        ATM_RANK_MAX);
    st = atm_axis(atm_node_int(call->node, "axis", -1), y.rank, &axis);
    for (i = 0; !st && i < 2; i++)
        st = atm_need_type(call, i, ATM_TYPES_NUMBER);
    if (!st)
        st = atm_need_type(call, 2, ATM_TYPES_ALL);
    if (!st && (atm_view_count(depth) != 1 || call->in[2].shape.rank != 1 ||
                call->in[2].shape.dim[0] != 2))
        st = atm_fail(ATM_FORMAT, "depth is no scalar, or values no pair");
    if (!st && !depth->data)
        st = atm_fail(ATM_UNSUPPORTED, "input 1 (depth) decides a shape and "
                                       "must be a constant");
    if (st)
        return st;
    for (i = 0; i < y.rank; i++)
        y.dim[i] = i == axis ? atm__double_to_i64(atm__get_f(depth, 0))
                             : x->dim[i < axis ? i : i - 1];
    if (y.dim[axis] < 0)
        return atm_fail(ATM_FORMAT, "input 1 (depth) is negative");
    atm_set_out(call, 0, call->in[2].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct atm_shape spread = y->shape;
    struct atm__walk w;
    enum atm_status st;
    uint32_t axis = 0;
    int64_t depth, at = 0;

    st = atm_axis(atm_node_int(call->node, "axis", -1), y->shape.rank, &axis);
    if (st)
        return st;
    depth = y->shape.dim[axis];
    spread.dim[axis] = 1; /* the indices do not change along the new axis */
    atm__walk_begin(&w, &y->shape);
    atm__walk_broadcast(&w, &spread);
    for (; w.left > 0; atm__walk_next(&w)) {
        double index = atm__get_f(x, w.at[0]);

        index += index < 0 ? (double)depth : 0;
        atm__move(y, at++, &call->in[2],
                  index == (double)w.index[axis] ? 1 : 0);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_OneHot = {
    .attrs = attrs, .infer = infer, .run = run};
