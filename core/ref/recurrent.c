/* recurrent.c - what RNN, GRU and LSTM share. */
#include "ref/recurrent.h"

#include <inttypes.h>
#include <math.h>
#include <strings.h>

/* ---- activation functions ----------------------------------------------- */

static double relu(double x, double a, double b)
{
    (void)a, (void)b;
    return x < 0 ? 0 : x;
}

static double f_tanh(double x, double a, double b)
{
    (void)a, (void)b;
    return tanh(x);
}

static double sigmoid(double x, double a, double b)
{
    (void)a, (void)b;
    return 1 / (1 + exp(-x));
}

static double affine(double x, double a, double b)
{
    return a * x + b;
}

static double leaky(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * x : x;
}

static double thresholded(double x, double a, double b)
{
    (void)b;
    return x > a ? x : 0;
}

static double scaled_tanh(double x, double a, double b)
{
    return a * tanh(b * x);
}

static double hard_sigmoid(double x, double a, double b)
{
    return fmin(fmax(a * x + b, 0), 1);
}

static double elu(double x, double a, double b)
{
    (void)b;
    return x < 0 ? a * (exp(x) - 1) : x;
}

static double softsign(double x, double a, double b)
{
    (void)a, (void)b;
    return x / (1 + fabs(x));
}

static double softplus(double x, double a, double b)
{
    (void)a, (void)b;
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static const struct {
    const char *name;
    int parameters; /* alpha; alpha and beta */
    struct atm__activation a;
} functions[] = {
    {"Relu", 0, {relu, 0, 0}},
    {"Tanh", 0, {f_tanh, 0, 0}},
    {"Sigmoid", 0, {sigmoid, 0, 0}},
    {"Affine", 2, {affine, 1, 0}},
    {"LeakyRelu", 1, {leaky, 0.01, 0}},
    {"ThresholdedRelu", 1, {thresholded, 1, 0}},
    {"ScaledTanh", 2, {scaled_tanh, 1, 1}},
    {"HardSigmoid", 2, {hard_sigmoid, 0.2, 0.5}},
    {"Elu", 1, {elu, 1, 0}},
    {"Softsign", 0, {softsign, 0, 0}},
    {"Softplus", 0, {softplus, 0, 0}},
};
#define FUNCTIONS (sizeof(functions) / sizeof(*functions))

/* The next value of a list of parameters, which functions use up in order. */
static void take(const struct atm_attr *list, size_t *used, double *to)
{
    if (list && *used < list->n)
        *to = (double)list->floats[(*used)++];
}

/* The activations of all directions, r->activations each. */
static enum atm_status activations_of(const struct atm_call *call,
                                      const struct atm__recurrent *r,
                                      uint32_t dirs, struct atm__activation *f)
{
    const struct atm_attr *given = atm_node_attr(call->node, "activations");
    const struct atm_attr *alpha =
        atm_node_attr(call->node, "activation_alpha");
    const struct atm_attr *beta = atm_node_attr(call->node, "activation_beta");
    size_t used_alpha = 0, used_beta = 0, k;
    uint32_t i;

    if (given && given->n != (size_t)dirs * r->activations)
        return atm_fail(ATM_FORMAT,
                        "attribute activations has %zu elements, %" PRIu32
                        " are needed",
                        given->n, dirs * r->activations);
    for (i = 0; i < dirs * r->activations; i++) {
        const char *name =
            given ? given->strings[i] : r->names[i % r->activations];

        for (k = 0; k < FUNCTIONS; k++)
            if (strcasecmp(functions[k].name, name) == 0)
                break;
        if (k == FUNCTIONS)
            return atm_fail(ATM_FORMAT, "activation %s is unknown", name);
        f[i] = functions[k].a;
        if (functions[k].parameters > 0)
            take(alpha, &used_alpha, &f[i].alpha);
        if (functions[k].parameters > 1)
            take(beta, &used_beta, &f[i].beta);
    }
    return ATM_OK;
}

double atm__activate(const struct atm__step *s, uint32_t k, double x)
{
    if (s->clip > 0)
        x = x > s->clip ? s->clip : x < -s->clip ? -s->clip : x;
    return s->f[k].f(x, s->f[k].alpha, s->f[k].beta);
}

/* ---- shapes ------------------------------------------------------------- */

struct sizes {
    int64_t seq, batch, input, hidden;
    uint32_t dirs;
    bool batch_first, reverse;
};

static enum atm_status need_shape(const struct atm_call *call, uint32_t in,
                                  uint32_t rank, int64_t a, int64_t b,
                                  int64_t c)
{
    struct atm_shape want = {rank, {a, b, c}};
    char text[128], wanted[128];

    if (!atm_has_in(call, in) || atm_shape_equal(&call->in[in].shape, &want))
        return ATM_OK;
    return atm_fail(ATM_FORMAT, "input %" PRIu32 " has shape %s, %s is needed",
                    in, atm_shape_str(&call->in[in].shape, text, sizeof(text)),
                    atm_shape_str(&want, wanted, sizeof(wanted)));
}

static enum atm_status sizes_of(const struct atm_call *call,
                                const struct atm__recurrent *r, struct sizes *s)
{
    const char *way = atm_node_string(call->node, "direction", "forward");
    const struct atm_shape *x = &call->in[0].shape, *w = &call->in[2].shape;
    int64_t rows, d;
    enum atm_status st;

    s->batch_first = atm_node_int(call->node, "layout", 0) != 0;
    s->reverse = strcmp(way, "reverse") == 0;
    s->dirs = strcmp(way, "bidirectional") == 0 ? 2 : 1;
    if (s->dirs == 1 && !s->reverse && strcmp(way, "forward") != 0)
        return atm_fail(ATM_FORMAT, "attribute direction is unknown");
    if (x->rank != 3 || w->rank != 3)
        return atm_fail(ATM_FORMAT, "inputs 0 to 2 need three dimensions");
    s->seq = x->dim[s->batch_first];
    s->batch = x->dim[!s->batch_first];
    s->input = x->dim[2];
    s->hidden = w->dim[2];
    d = s->dirs;
    rows = r->gates * s->hidden;
    if (s->hidden < 1 || s->hidden > INT32_MAX ||
        s->hidden != atm_node_int(call->node, "hidden_size", s->hidden))
        return atm_fail(ATM_FORMAT, "attribute hidden_size differs from the "
                                    "weights");
    st = need_shape(call, 1, 3, d, rows, s->input);
    if (!st)
        st = need_shape(call, 2, 3, d, rows, s->hidden);
    if (!st)
        st = need_shape(call, 3, 2, d, 2 * rows, 0);
    if (!st)
        st = need_shape(call, 4, 1, s->batch, 0, 0);
    if (!st)
        st = s->batch_first ? need_shape(call, 5, 3, s->batch, d, s->hidden)
                            : need_shape(call, 5, 3, d, s->batch, s->hidden);
    if (!st)
        st = s->batch_first ? need_shape(call, 6, 3, s->batch, d, s->hidden)
                            : need_shape(call, 6, 3, d, s->batch, s->hidden);
    return st ? st : need_shape(call, 7, 2, d, 3 * s->hidden, 0);
}

enum atm_status atm__recurrent_infer(struct atm_call *call,
                                     const struct atm__recurrent *r)
{
    struct atm__activation f[2 * ATM__ACTIVATIONS_MAX];
    struct atm_shape y, last;
    enum atm_status st;
    struct sizes s;
    uint32_t i;

    for (i = 0, st = ATM_OK; !st && i < call->n_in; i++)
        if (call->in[i].present)
            st = atm_need_type(call, i,
                               i == 4 ? ATM_TYPE(I32) : ATM_TYPES_FLOAT);
    if (!st)
        st = sizes_of(call, r, &s);
    if (!st)
        st = activations_of(call, r, s.dirs, f);
    if (st)
        return st;
    y = (struct atm_shape){4, {s.seq, s.dirs, s.batch, s.hidden}};
    last = (struct atm_shape){3, {s.dirs, s.batch, s.hidden}};
    if (s.batch_first) {
        y = (struct atm_shape){4, {s.batch, s.seq, s.dirs, s.hidden}};
        last = (struct atm_shape){3, {s.batch, s.dirs, s.hidden}};
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    atm_set_out(call, 1, call->in[0].dtype, &last);
    atm_set_out(call, 2, call->in[0].dtype, &last);
    return ATM_OK;
}

/* wx, rh, then h, c and tmp */
uint64_t atm__recurrent_scratch(const struct atm_call *call,
                                const struct atm__recurrent *r)
{
    return (2 * (uint64_t)r->gates + 3) * (uint64_t)call->in[2].shape.dim[2] *
           sizeof(double);
}

/* ---- running ------------------------------------------------------------ */

/* n elements of `w` from `at` on, times v. */
static double dot(const struct atm_view *w, int64_t at, const double *v,
                  int64_t n)
{
    const float *f = (const float *)w->data + at;
    double sum = 0;
    int64_t i;

    if (w->dtype == ATM_F32)
        for (i = 0; i < n; i++)
            sum += (double)f[i] * v[i];
    else
        for (i = 0; i < n; i++)
            sum += atm__get_f(w, at + i) * v[i];
    return sum;
}

double atm__recur(const struct atm__step *s, int64_t row, const double *v)
{
    const struct atm_view *w = &s->call->in[2];

    return dot(w, (s->dir * w->shape.dim[1] + row) * s->hidden, v, s->hidden);
}

double atm__recur_bias(const struct atm__step *s, int64_t i)
{
    const struct atm_view *b = &s->call->in[3];

    return atm_has_in(s->call, 3) ? atm__get_f(b, s->dir * b->shape.dim[1] + i)
                                  : 0;
}

/* The products of one step. */
static void gates(const struct atm__step *s, int64_t rows, int64_t x_at,
                  int64_t input)
{
    const struct atm_view *x = &s->call->in[0], *w = &s->call->in[1];
    int64_t i, k, base = s->dir * rows;

    for (i = 0; i < rows; i++) {
        double sum = 0;

        for (k = 0; k < input; k++)
            sum +=
                atm__get_f(w, (base + i) * input + k) * atm__get_f(x, x_at + k);
        s->wx[i] = sum + atm__recur_bias(s, i);
        s->rh[i] = atm__recur(s, i, s->h) + atm__recur_bias(s, rows + i);
    }
}

/* Elements of the output `out` from `at` on, if it is wanted. */
static void put(const struct atm_call *call, uint32_t out, int64_t at,
                const double *v, int64_t n)
{
    int64_t i;

    for (i = 0; atm_has_out(call, out) && i < n; i++)
        atm__put_f(&call->out[out], at + i, v ? v[i] : 0);
}

static void start(const struct atm_call *call, uint32_t in, int64_t at,
                  double *v, int64_t n)
{
    int64_t i;

    for (i = 0; i < n; i++)
        v[i] = atm_has_in(call, in) ? atm__get_f(&call->in[in], at + i) : 0;
}

static enum atm_status sequence(struct atm__step *s,
                                const struct atm__recurrent *r,
                                const struct sizes *z, int64_t b)
{
    const struct atm_call *call = s->call;
    int64_t h = s->hidden, len = z->seq, i;
    int64_t state =
        (z->batch_first ? b * z->dirs + s->dir : s->dir * z->batch + b) * h;
    bool back = z->reverse || s->dir == 1;

    if (atm_has_in(call, 4))
        len = atm__get_i(&call->in[4], b);
    if (len < 0 || len > z->seq)
        return atm_fail(ATM_FORMAT,
                        "a sequence of %" PRId64 " elements, there are "
                        "%" PRId64,
                        len, z->seq);
    start(call, 5, state, s->h, h);
    start(call, 6, state, s->c, h);
    for (i = 0; i < z->seq; i++) {
        int64_t t = back && i < len ? len - 1 - i : i;
        int64_t x = z->batch_first ? b * z->seq + t : t * z->batch + b;
        int64_t y = z->batch_first ? (b * z->seq + t) * z->dirs + s->dir
                                   : (t * z->dirs + s->dir) * z->batch + b;

        if (i < len) {
            gates(s, r->gates * h, x * z->input, z->input);
            r->step(s);
        }
        put(call, 0, y * h, i < len ? s->h : NULL, h);
    }
    put(call, 1, state, s->h, h);
    put(call, 2, state, s->c, h);
    return ATM_OK;
}

enum atm_status atm__recurrent_run(const struct atm_call *call,
                                   const struct atm__recurrent *r)
{
    struct atm__activation f[2 * ATM__ACTIVATIONS_MAX];
    struct atm__step s = {.call = call};
    enum atm_status st;
    struct sizes z;
    int64_t b;

    st = sizes_of(call, r, &z);
    if (!st)
        st = activations_of(call, r, z.dirs, f);
    if (st)
        return st;
    s.hidden = z.hidden;
    s.clip = (double)atm_node_float(call->node, "clip", 0);
    s.wx = call->scratch;
    s.rh = s.wx + r->gates * z.hidden;
    s.h = s.rh + r->gates * z.hidden;
    s.c = s.h + z.hidden;
    s.tmp = s.c + z.hidden;
    for (s.dir = 0; !st && s.dir < z.dirs; s.dir++) {
        memcpy(s.f, f + s.dir * r->activations, r->activations * sizeof(*s.f));
        for (b = 0; !st && b < z.batch; b++)
            st = sequence(&s, r, &z, b);
    }
    return st;
}
