/* cast_like.c - CastLike: Cast to the type of in[1]. */
#include "ref/cast.h"

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_ALL);
    if (!st)
        atm_set_out(call, 0, call->in[1].dtype, &call->in[0].shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__cast(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "round_mode", .kind = ATM_ATTR_STRING, .since = 24},
    {.name = "saturate", .kind = ATM_ATTR_INT, .since = 19},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_CastLike = {
    .attrs = attrs, .infer = infer, .run = run};
