/* rotary_embedding.c - RotaryEmbedding: the first elements of each head
 * rotated, pair by pair, by the angle of their position. */
#include "ref/elem.h"

#include <inttypes.h>

/* in[0] as (batch, head, position, element), with strides. */
struct rotary {
    int64_t batch, heads, length, size, half;
    int64_t per_batch, per_head, per_position;
};

static enum atm_status read_shape(const struct atm_call *call, struct rotary *r)
{
    int64_t rotated = atm_node_int(call->node, "rotary_embedding_dim", 0);
    int64_t heads = atm_node_int(call->node, "num_heads", 0);
    const struct atm_shape *x = &call->in[0].shape;

    if (x->rank == 4) {
        *r = (struct rotary){.batch = x->dim[0],
                             .heads = x->dim[1],
                             .length = x->dim[2],
                             .size = x->dim[3]};
        r->per_position = r->size;
        r->per_head = r->length * r->size;
    } else {
        if (x->rank != 3 || heads < 1 || x->dim[2] % heads != 0)
            return atm_fail(ATM_FORMAT, "the input is neither 4-dimensional "
                                        "nor num_heads heads a position");
        *r = (struct rotary){.batch = x->dim[0],
                             .heads = heads,
                             .length = x->dim[1],
                             .size = x->dim[2] / heads};
        r->per_position = x->dim[2];
        r->per_head = r->size;
    }
    r->per_batch = r->heads * r->length * r->size;
    rotated = rotated ? rotated : r->size;
    r->half = rotated / 2;
    return rotated >= 0 && rotated % 2 == 0 && rotated <= r->size
               ? ATM_OK
               : atm_fail(ATM_FORMAT,
                          "%" PRId64 " elements of a head of %" PRId64
                          " cannot be rotated in pairs",
                          rotated, r->size);
}

static enum atm_status infer(struct atm_call *call)
{
    bool by_id = atm_has_in(call, 3), fits;
    enum atm_status st = ATM_OK;
    struct rotary r;
    uint32_t i;

    for (i = 1; !st && i < 3; i++)
        if (call->in[i].dtype != call->in[0].dtype)
            st = atm_fail(ATM_FORMAT, "a cache is of another type");
    if (!st)
        st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = read_shape(call, &r);
    for (i = 1; !st && i < 3; i++) {
        const struct atm_shape *c = &call->in[i].shape;

        fits = c->rank == (by_id ? 2 : 3) && c->dim[c->rank - 1] == r.half &&
               (by_id ? c->dim[0] == call->in[1].shape.dim[0]
                      : c->dim[0] == r.batch && c->dim[1] == r.length);
        if (!fits)
            st = atm_fail(ATM_FORMAT,
                          "input %" PRIu32 " (a cache) does not "
                          "have the shape that the input needs",
                          i);
    }
    if (!st && by_id)
        st = atm_need_type(call, 3, ATM_TYPE(I64));
    if (!st && by_id &&
        (call->in[3].shape.rank != 2 || call->in[3].shape.dim[0] != r.batch ||
         call->in[3].shape.dim[1] != r.length))
        st = atm_fail(ATM_FORMAT, "input 3 (position_ids) is not one a "
                                  "position");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &call->in[0].shape);
    return st;
}

/* Where the angles of a position begin in the caches. */
static enum atm_status angles_at(const struct atm_call *call,
                                 const struct rotary *r, int64_t position,
                                 int64_t *at)
{
    *at = position;
    if (atm_has_in(call, 3))
        *at = atm__get_i(&call->in[3], position);
    if (atm_has_in(call, 3) && (*at < 0 || *at >= call->in[1].shape.dim[0]))
        return atm_fail(ATM_FORMAT,
                        "position %" PRId64 " is outside the caches", *at);
    *at *= r->half;
    return ATM_OK;
}

static void rotate(const struct atm_call *call, const struct rotary *r,
                   int64_t head, int64_t angles)
{
    bool pairs = atm_node_int(call->node, "interleaved", 0) != 0;
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t k;

    for (k = 0; k < r->half; k++) {
        int64_t a = head + (pairs ? 2 * k : k);
        int64_t b = pairs ? a + 1 : a + r->half;
        double c = atm__get_f(&call->in[1], angles + k);
        double s = atm__get_f(&call->in[2], angles + k);
        double real = atm__get_f(x, a), imaginary = atm__get_f(x, b);

        atm__put_f(y, a, c * real - s * imaginary);
        atm__put_f(y, b, s * real + c * imaginary);
    }
    for (k = 2 * r->half; k < r->size; k++)
        atm__move(y, head + k, x, head + k);
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t b, p, h, angles = 0;
    enum atm_status st;
    struct rotary r;

    st = read_shape(call, &r);
    for (b = 0; !st && b < r.batch; b++)
        for (p = 0; !st && p < r.length; p++) {
            st = angles_at(call, &r, b * r.length + p, &angles);
            for (h = 0; !st && h < r.heads; h++)
                rotate(call, &r,
                       b * r.per_batch + h * r.per_head + p * r.per_position,
                       angles);
        }
    return st;
}

static const struct atm_attr_def attrs[] = {
    {.name = "interleaved", .kind = ATM_ATTR_INT},
    {.name = "num_heads", .kind = ATM_ATTR_INT},
    {.name = "rotary_embedding_dim", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_RotaryEmbedding = {
    .attrs = attrs, .infer = infer, .run = run};
