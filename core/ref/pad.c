/* pad.c - Pad: constant, reflect, edge and wrap; negative pads crop. Pads are
 * an attribute before opset 11 and a constant input since. */
#include "ref/elem.h"

#include <inttypes.h>

struct pads {
    int64_t begin[ATM_RANK_MAX], end[ATM_RANK_MAX];
};

static enum atm_status pads_of(const struct atm_call *call, struct pads *p)
{
    uint32_t rank = call->in[0].shape.rank, n = 0, n_axes = rank, i, d = 0;
    int64_t ints[2 * ATM_RANK_MAX], axes[ATM_RANK_MAX];
    enum atm_status st;

    memset(p, 0, sizeof(*p));
    for (i = 0; i < rank; i++)
        axes[i] = i;
    if (call->node->opset < 11)
        st = atm_attr_ints(call->node, "pads", 2 * ATM_RANK_MAX, ints, &n);
    else if (!atm_has_in(call, 1))
        st = atm_fail(ATM_FORMAT, "input 1 (pads) is missing");
    else
        st = atm_need_ints(call, 1, "pads", 2 * ATM_RANK_MAX, ints, &n);
    if (!st && atm_has_in(call, 3))
        st = atm_need_ints(call, 3, "axes", ATM_RANK_MAX, axes, &n_axes);
    if (!st)
        st = atm_axes(axes, n_axes, rank, &d);
    if (!st && n != 2 * n_axes)
        st = atm_fail(ATM_FORMAT,
                      "pads has %" PRIu32 " elements, %" PRIu32 " are needed",
                      n, 2 * n_axes);
    for (i = 0; !st && i < n_axes; i++) {
        st = atm_axis(axes[i], rank, &d);
        if (st)
            break;
        p->begin[d] = ints[i];
        p->end[d] = ints[i + n_axes];
        if (ints[i] < -INT32_MAX || ints[i] > INT32_MAX ||
            ints[i + n_axes] < -INT32_MAX || ints[i + n_axes] > INT32_MAX)
            st = atm_fail(ATM_FORMAT, "a pad is beyond 31 bits");
    }
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    const char *mode = atm_node_string(call->node, "mode", "constant");
    bool reflect = strcmp(mode, "reflect") == 0;
    struct atm_shape y = call->in[0].shape;
    enum atm_status st;
    struct pads p;
    uint32_t i;

    if (call->node->opset < 11 && call->n_in > 1)
        return atm_fail(ATM_FORMAT, "pads are an attribute before opset 11");
    if (strcmp(mode, "constant") != 0 && !reflect &&
        strcmp(mode, "edge") != 0 && strcmp(mode, "wrap") != 0)
        return atm_fail(ATM_FORMAT, "attribute mode is unknown");
    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = pads_of(call, &p);
    if (!st && atm_has_in(call, 2) &&
        (call->in[2].dtype != call->in[0].dtype ||
         atm_view_count(&call->in[2]) != 1))
        st = atm_fail(ATM_FORMAT, "input 2 (constant_value) is no scalar of "
                                  "the input's type");
    for (i = 0; !st && i < y.rank; i++) {
        int64_t n = y.dim[i];

        y.dim[i] += p.begin[i] + p.end[i];
        if (y.dim[i] < 0)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " is cropped below 0", i);
        if (mode[0] != 'c' && n == 0 && y.dim[i] > 0)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32
                            " is empty: there is nothing to repeat",
                            i);
        if (reflect && (p.begin[i] >= n || p.end[i] >= n) && y.dim[i] > n)
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " of %" PRId64
                            " cannot be reflected that far",
                            i, n);
    }
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

/* Which input position stands at `at` of a dimension of n; -1: the fill. */
static int64_t source(char mode, int64_t at, int64_t n)
{
    if (at >= 0 && at < n)
        return at;
    switch (mode) {
    case 'r':
        return at < 0 ? -at : 2 * (n - 1) - at;
    case 'e':
        return at < 0 ? 0 : n - 1;
    case 'w':
        return (at % n + n) % n;
    default:
        return -1;
    }
}

static enum atm_status run(const struct atm_call *call)
{
    char mode = atm_node_string(call->node, "mode", "constant")[0];
    double fill = (double)atm_node_float(call->node, "value", 0);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], at = 0;
    struct atm__walk w;
    enum atm_status st;
    struct pads p;
    uint32_t d;

    st = pads_of(call, &p);
    if (st)
        return st;
    atm__strides(&x->shape, stride);
    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w), at++) {
        int64_t from = 0;

        for (d = 0; d < w.rank && from >= 0; d++) {
            int64_t k = source(mode, w.index[d] - p.begin[d], x->shape.dim[d]);

            from = k < 0 || k >= x->shape.dim[d] ? -1 : from + k * stride[d];
        }
        if (from >= 0)
            atm__move(y, at, x, from);
        else if (atm_has_in(call, 2))
            atm__move(y, at, &call->in[2], 0);
        else
            atm__put_f(y, at, fill);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "pads", .kind = ATM_ATTR_INTS, .required = true, .until = 10},
    {.name = "value", .kind = ATM_ATTR_FLOAT, .until = 10},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Pad = {
    .attrs = attrs, .infer = infer, .run = run};
