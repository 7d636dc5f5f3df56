/* trilu.c - Trilu: the upper or lower triangle of the last two dimensions,
 * from diagonal k on; zero elsewhere. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (!st)
        st = atm_need_rank(call, 0, 2);
    if (!st && atm_has_in(call, 1) &&
        (call->in[1].dtype != ATM_I64 || atm_view_count(&call->in[1]) != 1))
        st = atm_fail(ATM_FORMAT, "input 1 (k) is no int64 scalar");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &call->in[0].shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    bool upper = atm_node_int(call->node, "upper", 1) != 0;
    int64_t k = atm_has_in(call, 1) ? atm__get_i(&call->in[1], 0) : 0;
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    uint32_t rank = x->shape.rank;
    struct atm__walk w;
    int64_t at = 0;

    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w), at++) {
        int64_t above = w.index[rank - 1] - w.index[rank - 2];

        if (upper ? above >= k : above <= k)
            atm__move(y, at, x, at);
        else
            atm__put_f(y, at, 0);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "upper", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Trilu = {
    .attrs = attrs, .infer = infer, .run = run};
