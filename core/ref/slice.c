/* slice.c - Slice, as numpy slices: bounds are clamped, negative ones count
 * from the end, steps may be negative. Parameters are attributes before opset
 * 10 and inputs since. */
#include "ref/elem.h"

#include <inttypes.h>

struct cut {
    struct atm_shape shape; /* of the result */
    int64_t start[ATM_RANK_MAX], step[ATM_RANK_MAX];
};

struct lists {
    int64_t start[ATM_RANK_MAX], end[ATM_RANK_MAX];
    int64_t axis[ATM_RANK_MAX], step[ATM_RANK_MAX];
    uint32_t n_start, n_end, n_axis, n_step;
};

static enum atm_status read_lists(const struct atm_call *call, struct lists *l)
{
    const struct atm_node *n = call->node;
    enum atm_status st;

    memset(l, 0, sizeof(*l));
    if (n->opset < 10) {
        if (call->n_in > 1)
            return atm_fail(ATM_FORMAT,
                            "bounds are attributes before opset 10");
        st = atm_attr_ints(n, "starts", ATM_RANK_MAX, l->start, &l->n_start);
        if (!st)
            st = atm_attr_ints(n, "ends", ATM_RANK_MAX, l->end, &l->n_end);
        if (!st)
            st = atm_attr_ints(n, "axes", ATM_RANK_MAX, l->axis, &l->n_axis);
        return st;
    }
    if (!atm_has_in(call, 1) || !atm_has_in(call, 2))
        return atm_fail(ATM_FORMAT, "inputs 1 (starts) and 2 (ends) are "
                                    "needed");
    st = atm_need_ints(call, 1, "starts", ATM_RANK_MAX, l->start, &l->n_start);
    if (!st)
        st = atm_need_ints(call, 2, "ends", ATM_RANK_MAX, l->end, &l->n_end);
    if (!st && atm_has_in(call, 3))
        st = atm_need_ints(call, 3, "axes", ATM_RANK_MAX, l->axis, &l->n_axis);
    if (!st && atm_has_in(call, 4))
        st = atm_need_ints(call, 4, "steps", ATM_RANK_MAX, l->step, &l->n_step);
    return st;
}

static int64_t clamp(int64_t x, int64_t lo, int64_t hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* One dimension of size n. */
static void cut_dim(int64_t n, int64_t start, int64_t end, int64_t step,
                    struct cut *c, uint32_t d)
{
    start += start < 0 ? n : 0;
    end += end < 0 ? n : 0;
    step = clamp(step, -INT64_MAX, INT64_MAX); /* so that it negates */
    if (step > 0) {
        start = clamp(start, 0, n);
        end = clamp(end, 0, n);
        c->shape.dim[d] = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, -1, n - 1);
        end = clamp(end, -1, n - 1);
        c->shape.dim[d] = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    c->start[d] = start;
    c->step[d] = step;
}

static enum atm_status cut_of(const struct atm_call *call, struct cut *c)
{
    const struct atm_shape *x = &call->in[0].shape;
    enum atm_status st;
    struct lists l;
    uint32_t i, d = 0, seen = 0;

    memset(c, 0, sizeof(*c));
    c->shape = *x;
    for (i = 0; i < x->rank; i++)
        c->step[i] = 1;
    st = read_lists(call, &l);
    if (st)
        return st;
    if (l.n_end != l.n_start || (l.n_axis && l.n_axis != l.n_start) ||
        (l.n_step && l.n_step != l.n_start) || l.n_start > x->rank)
        return atm_fail(ATM_FORMAT,
                        "starts, ends, axes and steps are not as "
                        "many, or more than the input's dimensions");
    for (i = 0; i < l.n_start; i++) {
        st = atm_axis(l.n_axis ? l.axis[i] : (int64_t)i, x->rank, &d);
        if (st)
            return st;
        if (seen >> d & 1)
            return atm_fail(ATM_FORMAT, "axis %" PRIu32 " is cut twice", d);
        seen |= 1u << d;
        if (l.n_step && l.step[i] == 0)
            return atm_fail(ATM_FORMAT, "a step is 0");
        cut_dim(x->dim[d], l.start[i], l.end[i], l.n_step ? l.step[i] : 1, c,
                d);
    }
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    bool known = true; /* else the result may be all of in[0] */
    enum atm_status st;
    struct cut c = {.shape = call->in[0].shape};
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    for (i = 1; i < call->n_in; i++)
        known = known && (!call->in[i].present || call->in[i].data);
    if (!st && known)
        st = cut_of(call, &c);
    c.shape.bound = !known;
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &c.shape);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    size_t size = atm_dtype_bytes(y->dtype);
    int64_t stride[ATM_RANK_MAX], first = 0, at = 0, row = 1;
    struct atm_shape rows = y->shape;
    struct atm__walk w;
    enum atm_status st;
    struct cut c;
    uint32_t i;

    st = cut_of(call, &c);
    if (st)
        return st;
    if (!atm_shape_equal(&c.shape, &y->shape))
        return atm_fail(ATM_FORMAT, "the bounds changed after inference");
    if (atm_view_count(y) == 0)
        return ATM_OK;
    atm__strides(&x->shape, stride);
    for (i = 0; i < x->shape.rank; i++) {
        first += c.start[i] * stride[i];
        /* a lone element is not stepped from: its step may be huge */
        stride[i] = y->shape.dim[i] > 1 ? stride[i] * c.step[i] : 0;
    }
    /* what lies one behind the other is copied at once */
    if (rows.rank > 0 && stride[rows.rank - 1] == 1)
        row = rows.dim[--rows.rank];
    atm__walk_begin(&w, &rows);
    atm__walk_strided(&w, first, stride);
    for (; w.left > 0; atm__walk_next(&w), at += row)
        memcpy((char *)y->data + (size_t)at * size,
               (const char *)x->data + (size_t)w.at[0] * size,
               (size_t)row * size);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "starts", .kind = ATM_ATTR_INTS, .required = true, .until = 9},
    {.name = "ends", .kind = ATM_ATTR_INTS, .required = true, .until = 9},
    {.name = "axes", .kind = ATM_ATTR_INTS, .until = 9},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Slice = {
    .attrs = attrs, .infer = infer, .run = run};
