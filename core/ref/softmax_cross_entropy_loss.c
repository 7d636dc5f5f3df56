/* softmax_cross_entropy_loss.c - SoftmaxCrossEntropyLoss. */
#include "ref/loss.h"

static enum atm_status run(const struct atm_call *call)
{
    return atm__loss_run(call, true);
}

const struct atm_op_impl atm_op_impl_SoftmaxCrossEntropyLoss = {
    .attrs = atm__loss_attrs, .infer = atm__loss_infer, .run = run};
