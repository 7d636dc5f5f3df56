/* size.c - Size: the number of elements. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 0};

    atm_set_out(call, 0, ATM_I64, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__put_i(&call->out[0], 0, atm_view_count(&call->in[0]));
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Size = {.infer = infer, .run = run};
