/* squeeze.c - Squeeze: drops dimensions of size 1. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t axes[ATM_RANK_MAX];
    struct atm_shape y = {.rank = 0};
    uint32_t n = 0, set = 0, i;
    bool all = false;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st && call->node->opset < 13) {
        all = !atm_node_attr(call->node, "axes");
        st = call->n_in > 1
                 ? atm_fail(ATM_FORMAT, "axes are an attribute before 13")
                 : atm_attr_ints(call->node, "axes", ATM_RANK_MAX, axes, &n);
    } else if (!st) {
        all = !atm_has_in(call, 1);
        if (!all)
            st = atm_need_ints(call, 1, "axes", ATM_RANK_MAX, axes, &n);
    }
    if (!st)
        st = atm_axes(axes, n, x->rank, &set);
    if (st)
        return st;
    for (i = 0; i < x->rank; i++) {
        if (set >> i & 1 && x->dim[i] != 1)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " is %" PRId64 ", not 1", i,
                            x->dim[i]);
        if (!(set >> i & 1) && !(all && x->dim[i] == 1))
            y.dim[y.rank++] = x->dim[i];
    }
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

const struct atm_op_impl atm_op_impl_Squeeze = {
    .attrs = attrs, .infer = infer, .run = run};
