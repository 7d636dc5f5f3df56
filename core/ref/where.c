/* where.c - Where: in[1] where in[0] is true, else in[2]; all broadcast. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPE(BOOL));
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_ALL);
    if (!st && call->in[1].dtype != call->in[2].dtype)
        st = atm_fail(ATM_FORMAT, "inputs 1 and 2 differ in type");
    if (!st)
        st = atm_broadcast(&y, &call->in[1].shape);
    if (!st)
        st = atm_broadcast(&y, &call->in[2].shape);
    if (!st)
        atm_set_out(call, 0, call->in[1].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    struct atm__walk w;
    int64_t at = 0;
    uint32_t i;

    atm__walk_begin(&w, &y->shape);
    for (i = 0; i < 3; i++)
        atm__walk_broadcast(&w, &call->in[i].shape);
    for (; w.left > 0; atm__walk_next(&w)) {
        i = atm__get_i(&call->in[0], w.at[0]) ? 1 : 2;
        atm__move(y, at++, &call->in[i], w.at[i]);
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Where = {.infer = infer, .run = run};
