/* lstm.c - LSTM: gates i, o, f and candidate c, perhaps with peepholes. The
 * cell itself is not clipped, and input_forget sets f to 1 - i: what ONNX
 * leaves open is as ONNX Runtime has it. */
#include "ref/recurrent.h"

/* Peephole weight k (0 input, 1 output, 2 forget) of element i, times v. */
static double peep(const struct atm__step *s, int64_t k, int64_t i, double v)
{
    if (!atm_has_in(s->call, 7))
        return 0;
    return v * atm__get_f(&s->call->in[7], (3 * s->dir + k) * s->hidden + i);
}

static void step(struct atm__step *s)
{
    bool coupled = atm_node_int(s->call->node, "input_forget", 0) != 0;
    int64_t n = s->hidden, k;

    for (k = 0; k < n; k++) {
        double i = s->wx[k] + s->rh[k], o = s->wx[n + k] + s->rh[n + k];
        double f = s->wx[2 * n + k] + s->rh[2 * n + k];
        double c = s->wx[3 * n + k] + s->rh[3 * n + k];

        i = atm__activate(s, 0, i + peep(s, 0, k, s->c[k]));
        f = coupled ? 1 - i : atm__activate(s, 0, f + peep(s, 2, k, s->c[k]));
        s->c[k] = f * s->c[k] + i * atm__activate(s, 1, c);
        o = atm__activate(s, 0, o + peep(s, 1, k, s->c[k]));
        s->h[k] = o * s->f[2].f(s->c[k], s->f[2].alpha, s->f[2].beta);
    }
}

static const char *const names[] = {"Sigmoid", "Tanh", "Tanh"};
static const struct atm__recurrent lstm = {4, 3, names, step};

static enum atm_status infer(struct atm_call *call)
{
    return atm__recurrent_infer(call, &lstm);
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    return atm__recurrent_scratch(call, &lstm);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__recurrent_run(call, &lstm);
}

static const struct atm_attr_def attrs[] = {
    ATM__RECURRENT_ATTRS,
    {.name = "input_forget", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LSTM = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
