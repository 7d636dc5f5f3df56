/* expand.c - Expand: broadcasts to the common shape of in[0] and in[1]. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape, want = {.rank = 0};
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st =
            atm_need_ints(call, 1, "shape", ATM_RANK_MAX, want.dim, &want.rank);
    for (i = 0; !st && i < want.rank; i++)
        if (want.dim[i] < 0)
            st = atm_fail(ATM_FORMAT, "a wanted dimension is negative");
    if (!st)
        st = atm_broadcast(&y, &want);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct atm__walk w;
    int64_t at = 0;

    atm__walk_begin(&w, &y->shape);
    atm__walk_broadcast(&w, &x->shape);
    for (; w.left > 0; atm__walk_next(&w))
        atm__move(y, at++, x, w.at[0]);
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Expand = {.infer = infer, .run = run};
