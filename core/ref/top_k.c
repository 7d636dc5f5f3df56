/* top_k.c - TopK: the k largest (or smallest) elements along an axis, best
 * first, and where they stood; of equal ones the first. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status k_of(const struct atm_call *call, int64_t *k)
{
    enum atm_status st;
    uint32_t n;

    if (call->node->opset < 10) {
        *k = atm_node_int(call->node, "k", 0);
        return call->n_in > 1
                   ? atm_fail(ATM_FORMAT, "k is an attribute before opset 10")
                   : ATM_OK;
    }
    if (!atm_has_in(call, 1))
        return atm_fail(ATM_FORMAT, "input 1 (k) is missing");
    st = atm_need_ints(call, 1, "k", 1, k, &n);
    if (!st && n != 1)
        st = atm_fail(ATM_FORMAT, "input 1 (k) has not one element");
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    enum atm_status st;
    uint32_t axis = 0;
    int64_t k = 0;

    st = atm_need_type(call, 0, ATM_TYPES_NUMBER);
    if (!st)
        st = atm_axis(atm_node_int(call->node, "axis", -1), y.rank, &axis);
    k = st ? 0 : y.dim[axis];
    y.bound = atm_has_in(call, 1) && !call->in[1].data;
    if (!st && !y.bound)
        st = k_of(call, &k);
    if (!st && (k < 0 || k > y.dim[axis]))
        st = atm_fail(ATM_FORMAT,
                      "k is %" PRId64 ", the axis has %" PRId64 " elements", k,
                      y.dim[axis]);
    if (st)
        return st;
    y.dim[axis] = k;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    atm_set_out(call, 1, ATM_I64, &y);
    return ATM_OK;
}

/* Does element a, at position ia, come before b? NaN is the largest. */
static bool before(const struct atm_view *x, int64_t a, int64_t b, int sign)
{
    if (atm__is_float(x->dtype)) {
        double fa = sign * atm__get_f(x, a), fb = sign * atm__get_f(x, b);

        if (fa != fa || fb != fb)
            return sign > 0 ? fa != fa && fb == fb : fa == fa && fb != fb;
        return fa > fb || (fa == fb && a < b);
    }
    if (atm__get_i(x, a) == atm__get_i(x, b))
        return a < b;
    if (x->dtype == ATM_U64)
        return ((uint64_t)atm__get_i(x, a) > (uint64_t)atm__get_i(x, b)) ==
               (sign > 0);
    return (atm__get_i(x, a) > atm__get_i(x, b)) == (sign > 0);
}

/* A heap of element offsets whose root comes last: the k best so far. */
static void sift(const struct atm_view *x, int64_t *heap, int64_t n, int64_t i,
                 int sign)
{
    for (;;) {
        int64_t child = 2 * i + 1, t;

        if (child >= n)
            return;
        if (child + 1 < n && before(x, heap[child], heap[child + 1], sign))
            child++;
        if (!before(x, heap[i], heap[child], sign))
            return;
        t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
        i = child;
    }
}

static void line_top(const struct atm_call *call, int64_t *heap, int64_t k,
                     int64_t from, int64_t n, int64_t step, int64_t to)
{
    int sign = atm_node_int(call->node, "largest", 1) ? 1 : -1;
    const struct atm_view *x = &call->in[0];
    int64_t i, t;

    for (i = 0; i < k; i++)
        heap[i] = from + i * step;
    for (i = k / 2; i-- > 0;)
        sift(x, heap, k, i, sign);
    for (i = k; i < n; i++)
        if (before(x, from + i * step, heap[0], sign)) {
            heap[0] = from + i * step;
            sift(x, heap, k, 0, sign);
        }
    for (i = k - 1; i > 0; i--) {
        t = heap[0];
        heap[0] = heap[i];
        heap[i] = t;
        sift(x, heap, i, 0, sign);
    }
    for (i = 0; i < k; i++) {
        if (atm_has_out(call, 0))
            atm__move(&call->out[0], to + i * step, x, heap[i]);
        if (atm_has_out(call, 1))
            atm__put_i(&call->out[1], to + i * step, (heap[i] - from) / step);
    }
}

/* By shapes alone: lowering knows no data. */
static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_shape *y = &call->out[0].shape;
    uint32_t axis = 0;

    if (atm_axis(atm_node_int(call->node, "axis", -1), y->rank, &axis))
        return 0;
    return (uint64_t)y->dim[axis] * sizeof(int64_t);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t k = 0, outer, n, step, line;
    enum atm_status st;
    uint32_t axis = 0;

    st = atm_axis(atm_node_int(call->node, "axis", -1), x->rank, &axis);
    if (!st)
        st = k_of(call, &k);
    if (!st && k != call->out[0].shape.dim[axis])
        st = atm_fail(ATM_FORMAT, "k changed after inference");
    if (st || k == 0 || atm_view_count(&call->in[0]) == 0)
        return st;
    outer = atm_dims_product(x, 0, axis);
    n = x->dim[axis];
    step = atm_dims_product(x, axis + 1, x->rank);
    for (line = 0; line < outer * step; line++)
        line_top(call, call->scratch, k, line / step * n * step + line % step,
                 n, step, line / step * k * step + line % step);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "k", .kind = ATM_ATTR_INT, .required = true, .until = 9},
    {.name = "largest", .kind = ATM_ATTR_INT, .since = 11},
    {.name = "sorted", .kind = ATM_ATTR_INT, .since = 11},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_TopK = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
