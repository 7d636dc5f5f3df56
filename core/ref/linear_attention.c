/* linear_attention.c - LinearAttention: a state of key x value a head, that
 * decays, takes in each position's key and value and is read by its queries. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

enum in { Q, K, V, PAST, DECAY, BETA };

struct linear {
    int64_t batch, length, heads, kv_heads, dk, dv;
    double scale;
    bool gated, delta;
};

static enum atm_status describe(const struct atm_call *call, struct linear *a)
{
    const char *rule =
        atm_node_string(call->node, "update_rule", "gated_delta");
    const struct atm_shape *q = &call->in[Q].shape, *v = &call->in[V].shape;

    *a =
        (struct linear){.heads = atm_node_int(call->node, "q_num_heads", 0),
                        .kv_heads = atm_node_int(call->node, "kv_num_heads", 0),
                        .scale = (double)atm_node_float(call->node, "scale", 0),
                        .gated = strncmp(rule, "gated", 5) == 0,
                        .delta = strstr(rule, "delta") != NULL};
    if (strcmp(rule, "linear") != 0 && strcmp(rule, "gated") != 0 &&
        strcmp(rule, "delta") != 0 && strcmp(rule, "gated_delta") != 0)
        return atm_fail(ATM_FORMAT, "update_rule %s", rule);
    if (a->heads < 1 || a->kv_heads < 1 || a->heads % a->kv_heads != 0 ||
        q->rank != 3 || v->rank != 3 || q->dim[2] % a->heads != 0 ||
        v->dim[2] % a->kv_heads != 0)
        return atm_fail(ATM_FORMAT, "the heads do not divide the inputs");
    a->batch = q->dim[0];
    a->length = q->dim[1];
    a->dk = q->dim[2] / a->heads;
    a->dv = v->dim[2] / a->kv_heads;
    if (a->scale == 0)
        a->scale = 1 / sqrt((double)a->dk);
    return ATM_OK;
}

/* One row of `last` elements, or of `other`, for each position. */
static enum atm_status need_rows(const struct atm_call *call,
                                 const struct linear *a, enum in which,
                                 bool wanted, int64_t last, int64_t other)
{
    const struct atm_shape *s = &call->in[which].shape;

    if (atm_has_in(call, which) != wanted)
        return atm_fail(ATM_FORMAT, "input %d %s with this update_rule", which,
                        wanted ? "is missing" : "does not go");
    if (wanted &&
        (s->rank != 3 || s->dim[0] != a->batch || s->dim[1] != a->length ||
         (s->dim[2] != last && s->dim[2] != other)))
        return atm_fail(ATM_FORMAT, "input %d has another shape", which);
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[Q].shape, state;
    enum atm_dtype type = call->in[Q].dtype;
    enum atm_status st;
    struct linear a;
    uint32_t i;

    st = atm_need_type(call, Q, ATM_TYPES_FLOAT);
    for (i = K; !st && i < call->n_in; i++)
        if (i != PAST && atm_has_in(call, i) && call->in[i].dtype != type)
            st =
                atm_fail(ATM_FORMAT, "input %" PRIu32 " is of another type", i);
    if (!st)
        st = describe(call, &a);
    if (!st)
        st = need_rows(call, &a, K, true, a.kv_heads * a.dk, -1);
    if (!st)
        st = need_rows(call, &a, V, true, a.kv_heads * a.dv, -1);
    if (!st)
        st = need_rows(call, &a, DECAY, a.gated, a.kv_heads, a.kv_heads * a.dk);
    if (!st)
        st = need_rows(call, &a, BETA, a.delta, a.kv_heads, 1);
    if (st)
        return st;
    state = (struct atm_shape){4, {a.batch, a.kv_heads, a.dk, a.dv}};
    if (atm_has_in(call, PAST)) {
        st = atm_need_type(call, PAST, ATM_TYPES_FLOAT);
        if (!st && !atm_shape_equal(&call->in[PAST].shape, &state))
            st = atm_fail(ATM_FORMAT, "the state has another shape");
        type = call->in[PAST].dtype;
    }
    if (st)
        return st;
    y.dim[2] = a.heads * a.dv;
    atm_set_out(call, 0, call->in[Q].dtype, &y);
    atm_set_out(call, 1, type, &state);
    return ATM_OK;
}

/* The state of one head takes in position `row` = batch * length + t. */
static void update(const struct atm_call *call, const struct linear *a,
                   int64_t row, int64_t h, float *state)
{
    int64_t k = (row * a->kv_heads + h) * a->dk, d, m;
    int64_t v = (row * a->kv_heads + h) * a->dv;
    bool a_key = a->gated &&
                 call->in[DECAY].shape.dim[2] == a->kv_heads * a->dk &&
                 a->dk > 1;
    double beta = 1, value, found;

    if (a->delta)
        beta = atm__get_f(&call->in[BETA], call->in[BETA].shape.dim[2] == 1
                                               ? row
                                               : row * a->kv_heads + h);
    for (d = 0; a->gated && d < a->dk; d++) {
        double g = exp(atm__get_f(&call->in[DECAY],
                                  a_key ? k + d : row * a->kv_heads + h));

        for (m = 0; m < a->dv; m++)
            state[d * a->dv + m] *= (float)g;
    }
    for (m = 0; m < a->dv; m++) {
        value = atm__get_f(&call->in[V], v + m);
        for (d = 0, found = 0; a->delta && d < a->dk; d++)
            found +=
                (double)state[d * a->dv + m] * atm__get_f(&call->in[K], k + d);
        value = beta * (value - found);
        for (d = 0; d < a->dk; d++)
            state[d * a->dv + m] +=
                (float)(atm__get_f(&call->in[K], k + d) * value);
    }
}

/* The queries that share head h read its state. */
static void read_state(const struct atm_call *call, const struct linear *a,
                       int64_t row, int64_t h, const float *state)
{
    int64_t group = a->heads / a->kv_heads, i, d, m;

    for (i = h * group; i < (h + 1) * group; i++)
        for (m = 0; m < a->dv; m++) {
            double sum = 0;

            for (d = 0; d < a->dk; d++)
                sum +=
                    atm__get_f(&call->in[Q], (row * a->heads + i) * a->dk + d) *
                    (double)state[d * a->dv + m];
            atm__put_f(&call->out[0], (row * a->heads + i) * a->dv + m,
                       a->scale * sum);
        }
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    struct linear a;

    return describe(call, &a) ? 0 : (uint64_t)(a.dk * a.dv) * sizeof(float);
}

static enum atm_status run(const struct atm_call *call)
{
    float *state = call->scratch;
    enum atm_status st;
    struct linear a;
    int64_t line, t, i, n;

    st = describe(call, &a);
    n = a.dk * a.dv;
    for (line = 0; !st && line < a.batch * a.kv_heads; line++) {
        int64_t b = line / a.kv_heads, h = line % a.kv_heads;

        for (i = 0; i < n; i++)
            state[i] = atm_has_in(call, PAST)
                           ? (float)atm__get_f(&call->in[PAST], line * n + i)
                           : 0;
        for (t = b * a.length; t < (b + 1) * a.length; t++) {
            update(call, &a, t, h, state);
            read_state(call, &a, t, h, state);
        }
        for (i = 0; atm_has_out(call, 1) && i < n; i++)
            atm__put_f(&call->out[1], line * n + i, (double)state[i]);
    }
    return st;
}

/* chunk_size is a hint. */
static const struct atm_attr_def attrs[] = {
    {.name = "chunk_size", .kind = ATM_ATTR_INT},
    {.name = "kv_num_heads", .kind = ATM_ATTR_INT, .required = true},
    {.name = "q_num_heads", .kind = ATM_ATTR_INT, .required = true},
    {.name = "scale", .kind = ATM_ATTR_FLOAT},
    {.name = "update_rule", .kind = ATM_ATTR_STRING},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LinearAttention = {
    .attrs = attrs, .infer = infer, .scratch_bytes = scratch_bytes, .run = run};
