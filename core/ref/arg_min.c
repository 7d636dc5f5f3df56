/* arg_min.c - ArgMin: where the smallest element along an axis stands. */
#include "ref/arg.h"

static enum atm_status run(const struct atm_call *call)
{
    return atm__arg_run(call, -1);
}

const struct atm_op_impl atm_op_impl_ArgMin = {
    .attrs = atm__arg_attrs, .infer = atm__arg_infer, .run = run};
