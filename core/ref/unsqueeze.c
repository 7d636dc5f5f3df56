/* unsqueeze.c - Unsqueeze: adds dimensions of size 1 at given places of the
 * result. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t n = 0, set = 0, i, from = 0;
    int64_t axes[ATM_RANK_MAX];
    struct atm_shape y = {.rank = 0};
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (st)
        return st;
    if (call->node->opset < 13
            ? call->n_in > 1 || !atm_node_attr(call->node, "axes")
            : !atm_has_in(call, 1))
        return atm_fail(ATM_FORMAT, "axes are missing (an attribute before "
                                    "opset 13, an input since)");
    st = call->node->opset < 13
             ? atm_attr_ints(call->node, "axes", ATM_RANK_MAX, axes, &n)
             : atm_need_ints(call, 1, "axes", ATM_RANK_MAX, axes, &n);
    if (!st && x->rank + n > ATM_RANK_MAX)
        st = atm_fail(ATM_UNSUPPORTED,
                      "the result has more than %d "
                      "dimensions",
                      ATM_RANK_MAX);
    if (!st)
        st = atm_axes(axes, n, x->rank + n, &set);
    if (st)
        return st;
    for (i = 0; i < x->rank + n; i++)
        y.dim[y.rank++] = set >> i & 1 ? 1 : x->dim[from++];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__copy_view(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axes", .kind = ATM_ATTR_INTS, .until = 12}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Unsqueeze = {
    .attrs = attrs, .infer = infer, .run = run};
