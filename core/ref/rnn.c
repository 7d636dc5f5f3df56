/* rnn.c - RNN: h = f(W x + R h + biases). */
#include "ref/recurrent.h"

static void step(struct atm__step *s)
{
    int64_t i;

    for (i = 0; i < s->hidden; i++)
        s->h[i] = atm__activate(s, 0, s->wx[i] + s->rh[i]);
}

static const char *const names[] = {"Tanh"};
static const struct atm__recurrent rnn = {1, 1, names, step};

static enum atm_status infer(struct atm_call *call)
{
    return atm__recurrent_infer(call, &rnn);
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    return atm__recurrent_scratch(call, &rnn);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__recurrent_run(call, &rnn);
}

static const struct atm_attr_def attrs[] = {ATM__RECURRENT_ATTRS,
                                            {.name = NULL}};

const struct atm_op_impl atm_op_impl_RNN = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
