/* negative_log_likelihood_loss.c - NegativeLogLikelihoodLoss. */
#include "ref/loss.h"

static enum atm_status run(const struct atm_call *call)
{
    return atm__loss_run(call, false);
}

const struct atm_op_impl atm_op_impl_NegativeLogLikelihoodLoss = {
    .attrs = atm__loss_attrs, .infer = atm__loss_infer, .run = run};
