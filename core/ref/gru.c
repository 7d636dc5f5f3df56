/* gru.c - GRU: update gate z, reset gate r, candidate h~;
 * h = (1 - z) h~ + z h. */
#include "ref/recurrent.h"

static void step(struct atm__step *s)
{
    bool linear = atm_node_int(s->call->node, "linear_before_reset", 0) != 0;
    int64_t n = s->hidden, i;

    for (i = 0; i < 2 * n; i++)
        s->wx[i] = atm__activate(s, 0, s->wx[i] + s->rh[i]);
    for (i = 0; i < n; i++)
        s->tmp[i] = s->wx[n + i] * s->h[i];
    for (i = 2 * n; i < 3 * n; i++)
        s->wx[i] +=
            linear ? s->wx[i - n] * s->rh[i] /* the bias too */
                   : atm__recur(s, i, s->tmp) + atm__recur_bias(s, 3 * n + i);
    for (i = 0; i < n; i++) {
        double z = s->wx[i], h = atm__activate(s, 1, s->wx[2 * n + i]);

        s->h[i] = (1 - z) * h + z * s->h[i];
    }
}

static const char *const names[] = {"Sigmoid", "Tanh"};
static const struct atm__recurrent gru = {3, 2, names, step};

static enum atm_status infer(struct atm_call *call)
{
    return atm__recurrent_infer(call, &gru);
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    return atm__recurrent_scratch(call, &gru);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__recurrent_run(call, &gru);
}

static const struct atm_attr_def attrs[] = {
    ATM__RECURRENT_ATTRS,
    {.name = "linear_before_reset", .kind = ATM_ATTR_INT, .since = 3},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_GRU = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
