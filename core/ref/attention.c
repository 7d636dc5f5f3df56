/* attention.c - Attention: softmax(scale q k' + mask) v, head by head, with
 * grouped heads, a cache before the keys, causal and sliding-window masks. One
 * row of scores at a time. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

enum in { Q, K, V, MASK, PAST_K, PAST_V, VALID };
enum out { Y, PRESENT_K, PRESENT_V, SCORES };

/* A tensor (batch, head, position, element), however it lies. */
struct grid {
    int64_t heads, length, size;
    int64_t per_batch, per_head, per_position;
};

struct attention {
    int64_t batch, past, total; /* positions: before K, and with it */
    struct grid q, k, v;
    float scale;
    int64_t left, right; /* window; -1: open */
    bool causal;
};

static enum atm_status grid_of(const struct atm_view *x, int64_t heads,
                               struct grid *g)
{
    const int64_t *d = x->shape.dim;

    if (x->shape.rank == 4) {
        *g = (struct grid){.heads = d[1], .length = d[2], .size = d[3]};
        g->per_position = g->size;
        g->per_head = g->length * g->size;
    } else {
        if (x->shape.rank != 3 || heads < 1 || d[2] % heads != 0)
            return atm_fail(ATM_FORMAT, "an input is neither 4-dimensional nor "
                                        "a number of heads a position");
        *g =
            (struct grid){.heads = heads, .length = d[1], .size = d[2] / heads};
        g->per_position = d[2];
        g->per_head = g->size;
    }
    g->per_batch = g->heads * g->length * g->size;
    return ATM_OK;
}

static enum atm_status describe(const struct atm_call *call,
                                struct attention *a)
{
    const struct atm_node *n = call->node;
    const struct atm_view *x = call->in;
    enum atm_status st;

    memset(a, 0, sizeof(*a));
    st = grid_of(&x[Q], atm_node_int(n, "q_num_heads", 0), &a->q);
    if (!st)
        st = grid_of(&x[K], atm_node_int(n, "kv_num_heads", 0), &a->k);
    if (!st)
        st = grid_of(&x[V], atm_node_int(n, "kv_num_heads", 0), &a->v);
    if (st)
        return st;
    a->batch = x[Q].shape.dim[0];
    if (atm_has_in(call, PAST_K) && x[PAST_K].shape.rank == 4)
        a->past = x[PAST_K].shape.dim[2];
    a->total = a->past + a->k.length;
    a->causal = atm_node_int(n, "is_causal", 0) != 0;
    a->left = atm_node_int(n, "left_window_size", -1);
    a->right = atm_node_int(n, "right_window_size", -1);
    a->scale = atm_node_float(n, "scale", 0);
    if (!atm_node_attr(n, "scale"))
        a->scale = (float)(1 / sqrt((double)a->q.size));
    if (x[K].shape.dim[0] != a->batch || x[V].shape.dim[0] != a->batch ||
        a->k.length != a->v.length || a->k.heads != a->v.heads ||
        a->k.size != a->q.size || a->k.heads < 1 ||
        a->q.heads % a->k.heads != 0)
        return atm_fail(ATM_FORMAT, "query, key and value do not go together");
    return ATM_OK;
}

static enum atm_status check_past(const struct atm_call *call,
                                  const struct attention *a)
{
    const struct atm_shape *k = &call->in[PAST_K].shape;
    const struct atm_shape *v = &call->in[PAST_V].shape;

    if (!atm_has_in(call, PAST_K) && !atm_has_in(call, PAST_V))
        return ATM_OK;
    if (!atm_has_in(call, PAST_K) || !atm_has_in(call, PAST_V) ||
        k->rank != 4 || v->rank != 4 || k->dim[0] != a->batch ||
        v->dim[0] != a->batch || k->dim[1] != a->k.heads ||
        v->dim[1] != a->k.heads || k->dim[2] != v->dim[2] ||
        k->dim[3] != a->k.size || v->dim[3] != a->v.size ||
        call->in[PAST_K].dtype != call->in[K].dtype ||
        call->in[PAST_V].dtype != call->in[V].dtype)
        return atm_fail(ATM_FORMAT, "past key and value do not go with key "
                                    "and value");
    return ATM_OK;
}

/* The mask broadcasts, but for its last dimension: what it lacks there is
 * masked. */
static enum atm_status check_mask(const struct atm_call *call,
                                  const struct attention *a)
{
    const int64_t full[] = {a->batch, a->q.heads, a->q.length, a->total};
    const struct atm_view *m = &call->in[MASK];
    uint32_t i;
    bool fits;

    if (!atm_has_in(call, MASK))
        return ATM_OK;
    if (m->dtype != ATM_BOOL && m->dtype != call->in[Q].dtype)
        return atm_fail(ATM_UNSUPPORTED,
                        "a mask of type %s; implemented: bool and the type of "
                        "the query",
                        atm_dtype_name(m->dtype));
    fits = m->shape.rank >= 1 && m->shape.rank <= 4;
    for (i = 0; fits && i < m->shape.rank; i++) {
        int64_t is = m->shape.dim[i], need = full[4 - m->shape.rank + i];

        fits = i + 1 == m->shape.rank ? is <= need : is == need || is == 1;
    }
    return fits ? ATM_OK
                : atm_fail(ATM_FORMAT, "the mask does not broadcast to the "
                                       "scores");
}

static enum atm_status check(const struct atm_call *call, struct attention *a)
{
    enum atm_status st = atm_need_type(call, Q, ATM_TYPES_FLOAT);

    if (!st)
        st = atm_need_type(call, V, ATM_TYPES_FLOAT);
    if (!st && call->in[K].dtype != call->in[Q].dtype)
        st = atm_fail(ATM_FORMAT, "query and key differ in type");
    if (!st)
        st = describe(call, a);
    if (!st)
        st = check_past(call, a);
    if (!st)
        st = check_mask(call, a);
    if (!st && (a->left < -1 || a->right < -1))
        st = atm_fail(ATM_FORMAT, "a window size is below -1");
    if (st || !atm_has_in(call, VALID))
        return st;
    if (a->past > 0 || call->in[VALID].dtype != ATM_I64 ||
        atm_view_count(&call->in[VALID]) != a->batch)
        st = atm_fail(ATM_FORMAT, "nonpad_kv_seqlen is not one int64 an image, "
                                  "or stands beside a past");
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    struct attention a;
    struct atm_shape y = call->in[Q].shape;
    enum atm_status st = check(call, &a);

    if (st)
        return st;
    y.dim[y.rank - 1] = y.rank == 4 ? a.v.size : a.q.heads * a.v.size;
    atm_set_out(call, Y, call->in[Q].dtype, &y);
    y = (struct atm_shape){4, {a.batch, a.k.heads, a.total, a.k.size}};
    atm_set_out(call, PRESENT_K, call->in[K].dtype, &y);
    y.dim[3] = a.v.size;
    atm_set_out(call, PRESENT_V, call->in[V].dtype, &y);
    y = (struct atm_shape){4, {a.batch, a.q.heads, a.q.length, a.total}};
    atm_set_out(call, SCORES, call->in[Q].dtype, &y);
    return ATM_OK;
}

/* x as a value of `type` can hold it. */
static double held(enum atm_dtype type, double x)
{
    switch (type) {
    case ATM_F16:
        return (double)atm__half_to_float(atm__float_to_half((float)x));
    case ATM_BF16:
        return (double)atm__bfloat_to_float(atm__float_to_bfloat((float)x));
    case ATM_F32:
        return (double)(float)x;
    default:
        return x;
    }
}

/* Which element of key or value: in the cache, or in the input. */
static double stored(const struct atm_call *call, const struct attention *a,
                     enum in which, int64_t b, int64_t h, int64_t j, int64_t d)
{
    const struct grid *g = which == K ? &a->k : &a->v;

    if (j < a->past)
        return atm__get_f(&call->in[which == K ? PAST_K : PAST_V],
                          ((b * g->heads + h) * a->past + j) * g->size + d);
    return atm__get_f(&call->in[which], b * g->per_batch + h * g->per_head +
                                            (j - a->past) * g->per_position +
                                            d);
}

/* What is added to the score of query i and key j; -inf: not attended. */
static double bias(const struct atm_call *call, const struct attention *a,
                   int64_t b, int64_t h, int64_t i, int64_t j)
{
    int64_t at[] = {b, h, i, j}, where = 0, valid = a->total, offset = a->past;
    const struct atm_view *m = &call->in[MASK];
    double x = 0;
    uint32_t k;

    if (atm_has_in(call, VALID)) {
        valid = atm__get_i(&call->in[VALID], b);
        valid = valid < 0 ? 0 : valid > a->total ? a->total : valid;
        offset = valid - a->q.length;
    }
    if (j >= valid || (a->causal && j > i + offset) ||
        (a->left >= 0 && i + offset - j > a->left) ||
        (a->right >= 0 && j - i - offset > a->right))
        return -INFINITY;
    if (!atm_has_in(call, MASK))
        return 0;
    if (j >= m->shape.dim[m->shape.rank - 1])
        return -INFINITY;
    for (k = 0; k < m->shape.rank; k++)
        where = where * m->shape.dim[k] +
                (m->shape.dim[k] == 1 ? 0 : at[4 - m->shape.rank + k]);
    x = atm__get_f(m, where);
    return m->dtype != ATM_BOOL ? x : x != 0 ? 0 : -INFINITY;
}

/* Probabilities of one row, each step rounded as a value of `type` holds it;
 * none if every key is masked. The sum rounds as NumPy's does, on which ONNX's
 * reference stands: float16 at the end, bfloat16 at each addition. */
static void softmax(double *s, int64_t n, bool masked, enum atm_dtype type)
{
    enum atm_dtype partial = type == ATM_F16 ? ATM_F32 : type;
    double top = -INFINITY, sum = 0;
    int64_t j;

    for (j = 0; j < n; j++)
        top = s[j] > top || isnan(s[j]) ? s[j] : top;
    for (j = 0; j < n; j++) {
        s[j] = masked || top == -INFINITY
                   ? 0
                   : held(type, exp(held(type, s[j] - top)));
        sum = held(partial, sum + s[j]);
    }
    sum = held(type, sum);
    for (j = 0; sum != 0 && j < n; j++)
        s[j] = held(type, s[j] / sum);
}

static void put_scores(const struct atm_call *call, int64_t mode, int64_t row,
                       const double *s, int64_t n)
{
    int64_t j;

    if (!atm_has_out(call, SCORES) ||
        atm_node_int(call->node, "qk_matmul_output_mode", 0) != mode)
        return;
    for (j = 0; j < n; j++)
        atm__put_f(&call->out[SCORES], row * n + j, s[j]);
}

/* Raw scores of one query. */
static void multiply(const struct atm_call *call, const struct attention *a,
                     int64_t b, int64_t h, int64_t i, double *s)
{
    int64_t kv = h / (a->q.heads / a->k.heads), j, d;
    int64_t q = b * a->q.per_batch + h * a->q.per_head + i * a->q.per_position;
    enum atm_dtype type = call->in[Q].dtype;
    double root = held(type, sqrt((double)a->scale));

    for (j = 0; j < a->total; j++) {
        s[j] = 0;
        for (d = 0; d < a->q.size; d++)
            s[j] += held(type, atm__get_f(&call->in[Q], q + d) * root) *
                    held(type, stored(call, a, K, b, kv, j, d) * root);
        s[j] = held(type, s[j]);
    }
}

static enum atm_dtype softmax_type(const struct atm_call *call)
{
    int64_t code = atm_node_int(call->node, "softmax_precision", 0);
    enum atm_dtype type =
        code > 0 && code <= 64 ? atm_dtype_from_onnx((int)code) : 0;

    return atm_type_in(type, ATM_TYPES_FLOAT) ? type : call->in[Q].dtype;
}

static void attend(const struct atm_call *call, const struct attention *a,
                   int64_t b, int64_t h, int64_t i)
{
    int64_t row = (b * a->q.heads + h) * a->q.length + i, j, d, y;
    int64_t kv = h / (a->q.heads / a->k.heads), n = a->total;
    double cap = (double)atm_node_float(call->node, "softcap", 0);
    enum atm_dtype type = call->in[Q].dtype;
    double *s = call->scratch;
    bool masked = true;

    multiply(call, a, b, h, i, s);
    put_scores(call, 0, row, s, n);
    for (j = 0; cap > 0 && j < n; j++)
        s[j] = held(type, cap * tanh(s[j] / cap));
    put_scores(call, 1, row, s, n);
    for (j = 0; j < n; j++) {
        double x = bias(call, a, b, h, i, j);

        masked = masked && x == -INFINITY;
        s[j] = held(type, s[j] + x);
    }
    put_scores(call, 2, row, s, n);
    softmax(s, n, masked, softmax_type(call));
    put_scores(call, 3, row, s, n);
    y = call->in[Q].shape.rank == 4
            ? row * a->v.size
            : ((b * a->q.length + i) * a->q.heads + h) * a->v.size;
    for (d = 0; d < a->v.size; d++) {
        double sum = 0;

        for (j = 0; j < n; j++)
            if (s[j] != 0)
                sum += held(type, s[j]) * stored(call, a, V, b, kv, j, d);
        atm__put_f(&call->out[Y], y + d, sum);
    }
}

static void put_present(const struct atm_call *call, const struct attention *a,
                        enum in which, enum out to)
{
    const struct grid *g = which == K ? &a->k : &a->v;
    int64_t b, h, j, d, at = 0;

    for (b = 0; atm_has_out(call, to) && b < a->batch; b++)
        for (h = 0; h < g->heads; h++)
            for (j = 0; j < a->total; j++)
                for (d = 0; d < g->size; d++)
                    atm__put_f(&call->out[to], at++,
                               stored(call, a, which, b, h, j, d));
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    struct attention a;

    return describe(call, &a) ? 0 : (uint64_t)a.total * sizeof(double);
}

static enum atm_status run(const struct atm_call *call)
{
    enum atm_status st;
    struct attention a;
    int64_t b, h, i;

    st = describe(call, &a);
    if (st)
        return st;
    for (b = 0; b < a.batch; b++)
        for (h = 0; h < a.q.heads; h++)
            for (i = 0; i < a.q.length; i++)
                attend(call, &a, b, h, i);
    put_present(call, &a, K, PRESENT_K);
    put_present(call, &a, V, PRESENT_V);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "is_causal", .kind = ATM_ATTR_INT},
    {.name = "kv_num_heads", .kind = ATM_ATTR_INT},
    {.name = "left_window_size", .kind = ATM_ATTR_INT, .since = 25},
    {.name = "q_num_heads", .kind = ATM_ATTR_INT},
    {.name = "qk_matmul_output_mode", .kind = ATM_ATTR_INT},
    {.name = "right_window_size", .kind = ATM_ATTR_INT, .since = 25},
    {.name = "scale", .kind = ATM_ATTR_FLOAT},
    {.name = "softcap", .kind = ATM_ATTR_FLOAT},
    {.name = "softmax_precision", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Attention = {
    .attrs = attrs, .infer = infer, .scratch_bytes = scratch_bytes, .run = run};
