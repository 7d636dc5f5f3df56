/* loss.h - what the two losses over class labels share. */
#ifndef ATM_CORE_REF_LOSS_H
#define ATM_CORE_REF_LOSS_H

#include "ref/elem.h"

extern const struct atm_attr_def atm__loss_attrs[];

/* in[0]: scores, N x C x ...; in[1]: labels, N x ...; in[2]: weights, C.
 * out[0]: the loss; out[1], if the operator has it: log-probabilities. */
enum atm_status atm__loss_infer(struct atm_call *call);

/* With `softmax` the scores are not yet log-probabilities. */
enum atm_status atm__loss_run(const struct atm_call *call, bool softmax);

#endif
