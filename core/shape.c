/* shape.c - shared shape rules. Whatever comes from a model's attributes or
 * index inputs is range-checked here, once. */
#include "shape.h"

#include "checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum atm_status atm_need_type(const struct atm_call *call, uint32_t in,
                              uint32_t types)
{
    char list[160] = "";
    size_t n = 0;
    int t;

    if (atm_type_in(call->in[in].dtype, types))
        return ATM_OK;
    for (t = 1; t < ATM_DTYPE_COUNT && n < sizeof(list); t++)
        if (types >> t & 1)
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
                                  n ? ", " : "",
                                  atm_dtype_name((enum atm_dtype)t));
    return atm_fail(ATM_UNSUPPORTED,
                    "input %" PRIu32 " is of type %s; implemented: %s", in,
                    atm_dtype_name(call->in[in].dtype), list);
}

enum atm_status atm_need_same_type(const struct atm_call *call, uint32_t types)
{
    uint32_t i;

    for (i = 1; i < call->n_in; i++)
        if (call->in[i].present && call->in[i].dtype != call->in[0].dtype)
            return atm_fail(ATM_FORMAT,
                            "input %" PRIu32 " is of type %s, input 0 of %s; "
                            "they must be the same",
                            i, atm_dtype_name(call->in[i].dtype),
                            atm_dtype_name(call->in[0].dtype));
    return atm_need_type(call, 0, types);
}

enum atm_status atm_need_rank(const struct atm_call *call, uint32_t in,
                              uint32_t at_least)
{
    char text[128];

    if (call->in[in].shape.rank < at_least)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " has shape %s; at least %" PRIu32
                        " dimensions are needed",
                        in,
                        atm_shape_str(&call->in[in].shape, text, sizeof(text)),
                        at_least);
    return ATM_OK;
}

enum atm_status atm_need_ints(const struct atm_call *call, uint32_t in,
                              const char *what, uint32_t max, int64_t *ints,
                              uint32_t *n)
{
    const struct atm_view *v = &call->in[in];
    int64_t count, i;
    int32_t small;

    if (v->shape.rank > 1)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " (%s) has rank %" PRIu32
                        "; a list is needed",
                        in, what, v->shape.rank);
    if (v->dtype != ATM_I64 && v->dtype != ATM_I32)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " (%s) is of type %s; int64 is "
                        "needed",
                        in, what, atm_dtype_name(v->dtype));
    count = v->shape.rank ? v->shape.dim[0] : 1;
    if (count < 0 || count > max)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " (%s) has %" PRId64
                        " elements, at most %" PRIu32 " make sense",
                        in, what, count, max);
    if (!v->data && count > 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "input %" PRIu32 " (%s) decides a shape and must be a "
                        "constant; bind its value if it is a graph input",
                        in, what);
    for (i = 0; i < count; i++) {
        if (v->dtype == ATM_I64) {
            memcpy(&ints[i], (const char *)v->data + 8 * i, 8);
        } else {
            memcpy(&small, (const char *)v->data + 4 * i, 4);
            ints[i] = small;
        }
    }
    *n = (uint32_t)count;
    return ATM_OK;
}

enum atm_status atm_attr_ints(const struct atm_node *node, const char *name,
                              uint32_t max, int64_t *ints, uint32_t *n)
{
    const struct atm_attr *a = atm_node_attr(node, name);

    *n = 0;
    if (!a)
        return ATM_OK;
    if (a->n > max)
        return atm_fail(ATM_FORMAT,
                        "attribute %s has %zu elements, at most %" PRIu32
                        " make sense",
                        name, a->n, max);
    if (a->n > 0)
        memcpy(ints, a->ints, a->n * sizeof(*ints));
    *n = (uint32_t)a->n;
    return ATM_OK;
}

void atm_set_out(struct atm_call *call, uint32_t out, enum atm_dtype dtype,
                 const struct atm_shape *shape)
{
    if (!atm_has_out(call, out))
        return;
    call->out[out].dtype = dtype;
    call->out[out].shape = *shape;
}

enum atm_status atm_infer_same(struct atm_call *call, uint32_t types)
{
    enum atm_status st = atm_need_same_type(call, types);

    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &call->in[0].shape);
    return st;
}

enum atm_status atm_axis(int64_t axis, uint32_t rank, uint32_t *normal)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return atm_fail(ATM_FORMAT, "axis %" PRId64 " is outside rank %" PRIu32,
                        axis, rank);
    *normal = (uint32_t)(axis < 0 ? axis + (int64_t)rank : axis);
    return ATM_OK;
}

enum atm_status atm_axes(const int64_t *axis, uint32_t n, uint32_t rank,
                         uint32_t *set)
{
    enum atm_status st;
    uint32_t i, d = 0;

    *set = 0;
    for (i = 0; i < n; i++) {
        st = atm_axis(axis[i], rank, &d);
        if (st)
            return st;
        if (*set >> d & 1)
            return atm_fail(ATM_FORMAT, "axis %" PRId64 " is named twice",
                            axis[i]);
        *set |= 1u << d;
    }
    return ATM_OK;
}

int64_t atm_dims_product(const struct atm_shape *s, uint32_t first,
                         uint32_t last)
{
    int64_t n = 1;
    uint32_t i;

    /* a zero elsewhere may hide an overflow here: such a product is not
     * used, so that it only must not be undefined */
    for (i = first; i < last; i++)
        if (!atm_mul_i64(n, s->dim[i], &n))
            return 0;
    return n;
}

enum atm_status atm_broadcast(struct atm_shape *a, const struct atm_shape *b)
{
    uint32_t rank = a->rank > b->rank ? a->rank : b->rank, i;
    char ta[128], tb[128];
    struct atm_shape r = {.rank = rank};

    for (i = 0; i < rank; i++) {
        int64_t x = i + a->rank >= rank ? a->dim[i + a->rank - rank] : 1;
        int64_t y = i + b->rank >= rank ? b->dim[i + b->rank - rank] : 1;

        if (x != y && x != 1 && y != 1)
            return atm_fail(ATM_FORMAT, "shapes %s and %s do not broadcast",
                            atm_shape_str(a, ta, sizeof(ta)),
                            atm_shape_str(b, tb, sizeof(tb)));
        r.dim[i] = x == 1 ? y : x;
    }
    *a = r;
    return ATM_OK;
}

enum atm_status atm_legacy_broadcast(const struct atm_call *call,
                                     struct atm_shape *b)
{
    const struct atm_shape *a = &call->in[0].shape;
    const struct atm_shape *given = &call->in[1].shape;
    const struct atm_attr *axis = atm_node_attr(call->node, "axis");
    char ta[128], tb[128];
    uint32_t at = 0, i;
    enum atm_status st;

    *b = *given;
    if (call->node->opset >= 7)
        return ATM_OK;
    if (!atm_node_int(call->node, "broadcast", 0)) {
        if (!atm_shape_equal(a, given))
            return atm_fail(ATM_FORMAT,
                            "shapes %s and %s differ; before opset 7 that "
                            "needs attribute broadcast=1",
                            atm_shape_str(a, ta, sizeof(ta)),
                            atm_shape_str(given, tb, sizeof(tb)));
        return ATM_OK;
    }
    if (!axis || given->rank == 0)
        return ATM_OK;
    st = atm_axis(axis->i, a->rank, &at);
    if (st)
        return st;
    if (given->rank > a->rank - at)
        return atm_fail(ATM_FORMAT,
                        "shape %s does not fit into %s at axis %" PRId64,
                        atm_shape_str(given, tb, sizeof(tb)),
                        atm_shape_str(a, ta, sizeof(ta)), axis->i);
    b->rank = a->rank - at;
    for (i = given->rank; i < b->rank; i++)
        b->dim[i] = 1;
    return ATM_OK;
}

enum atm_status atm_matmul_infer(const struct atm_shape *a,
                                 const struct atm_shape *b,
                                 struct atm_matmul *mm)
{
    char ta[128], tb[128];
    enum atm_status st;

    memset(mm, 0, sizeof(*mm));
    if (a->rank == 0 || b->rank == 0)
        return atm_fail(ATM_FORMAT, "a factor is a scalar");
    mm->a_batch = *a;
    mm->b_batch = *b;
    mm->a_batch.rank = a->rank > 2 ? a->rank - 2 : 0;
    mm->b_batch.rank = b->rank > 2 ? b->rank - 2 : 0;
    mm->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    mm->k = a->dim[a->rank - 1];
    mm->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    if (mm->k != (b->rank > 1 ? b->dim[b->rank - 2] : b->dim[0]))
        return atm_fail(ATM_FORMAT, "shapes %s and %s cannot be multiplied",
                        atm_shape_str(a, ta, sizeof(ta)),
                        atm_shape_str(b, tb, sizeof(tb)));
    mm->batch = mm->a_batch;
    st = atm_broadcast(&mm->batch, &mm->b_batch);
    if (st)
        return st;
    mm->out = mm->batch;
    if (a->rank > 1)
        mm->out.dim[mm->out.rank++] = mm->m;
    if (b->rank > 1)
        mm->out.dim[mm->out.rank++] = mm->n;
    return ATM_OK;
}

/* One integer a spatial dimension from an attribute, in [min, INT32_MAX]. */
static enum atm_status window_ints(const struct atm_node *node,
                                   const char *name, uint32_t n, int64_t min,
                                   int64_t dflt, int64_t *ints)
{
    int64_t got[2 * ATM_RANK_MAX];
    enum atm_status st;
    uint32_t i, n_got;

    st = atm_attr_ints(node, name, 2 * ATM_RANK_MAX, got, &n_got);
    if (st)
        return st;
    if (n_got != 0 && n_got != n)
        return atm_fail(ATM_FORMAT,
                        "attribute %s has %" PRIu32 " elements; the input "
                        "needs %" PRIu32,
                        name, n_got, n);
    for (i = 0; i < n; i++) {
        ints[i] = n_got ? got[i] : dflt;
        if (n_got && (ints[i] < min || ints[i] > INT32_MAX))
            return atm_fail(ATM_FORMAT,
                            "attribute %s: %" PRId64 " is outside %" PRId64
                            " to 2147483647",
                            name, ints[i], min);
    }
    return ATM_OK;
}

static enum atm_status window_kernel(const struct atm_node *node,
                                     const struct atm_shape *weight,
                                     struct atm_window *w)
{
    enum atm_status st;
    uint32_t i;

    if (!weight && !atm_node_attr(node, "kernel_shape"))
        return atm_fail(ATM_FORMAT, "attribute kernel_shape is missing");
    st = window_ints(node, "kernel_shape", w->rank, 1, 1, w->kernel);
    if (st || !weight)
        return st;
    if (weight->rank != w->rank + 2)
        return atm_fail(ATM_FORMAT,
                        "the weights have rank %" PRIu32 ", the input %" PRIu32,
                        weight->rank, w->rank + 2);
    for (i = 0; i < w->rank; i++) {
        if (weight->dim[i + 2] < 1 || weight->dim[i + 2] > INT32_MAX)
            return atm_fail(ATM_FORMAT, "a kernel dimension is %" PRId64,
                            weight->dim[i + 2]);
        if (atm_node_attr(node, "kernel_shape") &&
            w->kernel[i] != weight->dim[i + 2])
            return atm_fail(ATM_FORMAT,
                            "attribute kernel_shape says %" PRId64
                            ", the weights %" PRId64,
                            w->kernel[i], weight->dim[i + 2]);
        w->kernel[i] = weight->dim[i + 2];
    }
    return ATM_OK;
}

/* Output size of one dimension, and its padding under auto_pad. */
static enum atm_status window_dim(struct atm_window *w, uint32_t i,
                                  const char *auto_pad, bool ceil_mode)
{
    int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t s = w->stride[i], room, total;

    if (strncmp(auto_pad, "SAME", 4) == 0) {
        w->out[i] = w->in[i] / s + (w->in[i] % s != 0);
        total = (w->out[i] - 1) * s + span - w->in[i];
        if (total < 0)
            total = 0;
        w->begin[i] =
            strcmp(auto_pad, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
        w->end[i] = total - w->begin[i];
        if (total > INT32_MAX)
            return atm_fail(ATM_FORMAT,
                            "auto_pad asks for %" PRId64 " elements of padding",
                            total);
    } else {
        room = w->in[i] + w->begin[i] + w->end[i] - span;
        if (room < 0)
            return atm_fail(ATM_FORMAT,
                            "the window spans %" PRId64
                            " elements, the padded input has %" PRId64,
                            span, room + span);
        w->out[i] = room / s + 1;
        if (ceil_mode && room % s != 0 &&
            w->out[i] * s < w->in[i] + w->begin[i])
            w->out[i]++; /* only if that window begins inside the input */
    }
    return ATM_OK;
}

enum atm_status atm_window_infer(const struct atm_node *node,
                                 const struct atm_shape *x,
                                 const struct atm_shape *weight,
                                 struct atm_window *w)
{
    const char *auto_pad = atm_node_string(node, "auto_pad", "NOTSET");
    bool ceil_mode = atm_node_int(node, "ceil_mode", 0) != 0;
    bool notset = strcmp(auto_pad, "NOTSET") == 0 || !*auto_pad;
    int64_t pads[2 * ATM_RANK_MAX];
    enum atm_status st;
    uint32_t i;

    memset(w, 0, sizeof(*w));
    if (x->rank < 3)
        return atm_fail(ATM_FORMAT,
                        "the input has rank %" PRIu32
                        "; batch, channels and space are needed",
                        x->rank);
    w->rank = x->rank - 2;
    st = window_kernel(node, weight, w);
    if (!st)
        st = window_ints(node, "strides", w->rank, 1, 1, w->stride);
    if (!st)
        st = window_ints(node, "dilations", w->rank, 1, 1, w->dilation);
    if (!st)
        st = window_ints(node, "pads", 2 * w->rank, 0, 0, pads);
    if (st)
        return st;
    if (!notset && strcmp(auto_pad, "VALID") != 0 &&
        strcmp(auto_pad, "SAME_UPPER") != 0 &&
        strcmp(auto_pad, "SAME_LOWER") != 0)
        return atm_fail(ATM_FORMAT, "attribute auto_pad is unknown");
    for (i = 0; i < w->rank; i++) {
        if (!notset && (pads[i] || pads[i + w->rank]))
            return atm_fail(ATM_FORMAT,
                            "attributes pads and auto_pad exclude each other");
        w->in[i] = x->dim[i + 2];
        w->begin[i] = pads[i];
        w->end[i] = pads[i + w->rank];
        if (w->in[i] < 1 || w->in[i] > INT64_MAX / 4)
            return atm_fail(ATM_FORMAT, "a spatial dimension is %" PRId64,
                            w->in[i]);
        st = window_dim(w, i, auto_pad, ceil_mode);
        if (st)
            return st;
    }
    return ATM_OK;
}

/* Output size and padding of one dimension of a transposed window: `in` comes
 * as the wanted size, or 0. */
static enum atm_status transposed_dim(struct atm_window *w, uint32_t i,
                                      const char *auto_pad, int64_t extra)
{
    bool lower = strcmp(auto_pad, "SAME_LOWER") == 0;
    bool same = lower || strcmp(auto_pad, "SAME_UPPER") == 0;
    int64_t span = (w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t full = w->stride[i] * (w->out[i] - 1) + span, total;

    if (!same && w->in[i] == 0) {
        w->in[i] = full + extra - w->begin[i] - w->end[i];
    } else {
        lower = lower || !same;
        if (w->in[i] == 0)
            w->in[i] = w->stride[i] * w->out[i];
        total = full + extra < w->in[i] ? 0 : full + extra - w->in[i];
        w->begin[i] = lower ? total - total / 2 : total / 2;
    }
    w->end[i] = full - w->begin[i] - w->in[i];
    if (w->in[i] < 1 || w->in[i] > INT32_MAX)
        return atm_fail(ATM_FORMAT, "an output dimension is %" PRId64,
                        w->in[i]);
    return ATM_OK;
}

enum atm_status atm_window_transposed(const struct atm_node *node,
                                      const struct atm_shape *x,
                                      const struct atm_shape *weight,
                                      struct atm_window *w)
{
    const char *auto_pad = atm_node_string(node, "auto_pad", "NOTSET");
    int64_t extra[ATM_RANK_MAX], size[ATM_RANK_MAX];
    struct atm_shape roomy = *x;
    enum atm_status st;
    uint32_t i;

    /* the rule of convolutions reads and checks the attributes; an input as
     * large as allowed keeps it from comparing our input with the kernel */
    for (i = 2; i < x->rank; i++) {
        if (x->dim[i] < 1 || x->dim[i] > INT32_MAX)
            return atm_fail(ATM_FORMAT, "a spatial dimension is %" PRId64,
                            x->dim[i]);
        roomy.dim[i] = INT64_MAX / 4;
    }
    st = atm_window_infer(node, &roomy, weight, w);
    if (!st)
        st = window_ints(node, "output_padding", w->rank, 0, 0, extra);
    if (!st)
        st = window_ints(node, "output_shape", w->rank, 1, 0, size);
    for (i = 0; i < w->rank && !st; i++) {
        w->in[i] = size[i];
        w->out[i] = x->dim[i + 2];
        st = transposed_dim(w, i, auto_pad, extra[i]);
    }
    return st;
}
