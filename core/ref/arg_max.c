/* arg_max.c - ArgMax: where the largest element along an axis stands. */
#include "ref/arg.h"

static enum atm_status run(const struct atm_call *call)
{
    return atm__arg_run(call, 1);
}

const struct atm_op_impl atm_op_impl_ArgMax = {
    .attrs = atm__arg_attrs, .infer = atm__arg_infer, .run = run};
