/* identity.c - Identity. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    return atm_infer_same(call, ATM_TYPES_ALL);
}

static enum atm_status run(const struct atm_call *call)
{
    atm__copy_view(call);
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Identity = {.infer = infer, .run = run};
