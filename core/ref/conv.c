/* conv.c - Conv over any number of spatial dimensions. Each kernel element
 * adds a scaled row of the input to a row of the output, so that the inner
 * loop runs along memory. */
#include "ref/window.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *k = &call->in[1].shape;
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT);
    if (!st)
        st = atm__conv_shape(call->node, &call->in[0].shape, k, &w, &y);
    if (st)
        return st;
    if (atm_has_in(call, 2) &&
        (call->in[2].shape.rank != 1 || call->in[2].shape.dim[0] != k->dim[0]))
        return atm_fail(ATM_FORMAT,
                        "input 2 (bias) needs one element for "
                        "each of %" PRId64 " channels",
                        k->dim[0]);
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* One kernel element over one output row: the columns [lo, hi) of the row
 * whose input column, o * stride + shift, lies inside the image. */
struct row {
    int64_t lo, hi, stride, shift;
};

static struct row row_of(const struct atm_window *w, int64_t kernel_column)
{
    uint32_t d = w->rank - 1;
    struct row r = {.stride = w->stride[d],
                    .shift = kernel_column * w->dilation[d] - w->begin[d]};

    r.lo = r.shift < 0 ? (-r.shift + r.stride - 1) / r.stride : 0;
    r.hi = r.shift < w->in[d] ? (w->in[d] - 1 - r.shift) / r.stride + 1 : 0;
    if (r.hi > w->out[d])
        r.hi = w->out[d];
    return r;
}

static void add_row_f32(float *y, const float *x, float weight, struct row r)
{
    int64_t o;

    for (o = r.lo; o < r.hi; o++)
        y[o] += weight * x[o * r.stride + r.shift];
}

static void add_row_f64(double *y, const double *x, double weight, struct row r)
{
    int64_t o;

    for (o = r.lo; o < r.hi; o++)
        y[o] += weight * x[o * r.stride + r.shift];
}

/* Steps through the kernel's rows; false after the last. */
static bool next_tap(const struct atm_window *w, int64_t *tap)
{
    uint32_t d = w->rank - 1;

    while (d-- > 0) {
        if (++tap[d] < w->kernel[d])
            return true;
        tap[d] = 0;
    }
    return false;
}

/* Adds to output row `y` (element offsets throughout) what one input channel
 * at `x` gives through the kernel at `k`; `out` is the row's position. */
static void add_channel(const struct atm_call *call, const struct atm_window *w,
                        int64_t x, int64_t k, const int64_t *out, int64_t y)
{
    const struct atm_view *in = &call->in[0], *weight = &call->in[1];
    int64_t columns = w->kernel[w->rank - 1], c;
    int64_t tap[ATM_RANK_MAX] = {0};
    uint32_t d, outer = w->rank - 1;

    do {
        int64_t row = 0;
        bool inside = true;

        for (d = 0; d < outer; d++) {
            int64_t at =
                out[d] * w->stride[d] + tap[d] * w->dilation[d] - w->begin[d];

            inside = inside && at >= 0 && at < w->in[d];
            row = inside ? row * w->in[d] + at : 0;
        }
        for (c = 0; inside && c < columns; c++) {
            int64_t from = x + row * w->in[outer];

            if (in->dtype == ATM_F32)
                add_row_f32((float *)call->out[0].data + y,
                            (const float *)in->data + from,
                            ((const float *)weight->data)[k + c], row_of(w, c));
            else
                add_row_f64((double *)call->out[0].data + y,
                            (const double *)in->data + from,
                            ((const double *)weight->data)[k + c],
                            row_of(w, c));
        }
        k += columns;
    } while (next_tap(w, tap));
}

/* 16-bit floats: each element is summed up before it is rounded. */
static enum atm_status run_half(const struct atm_call *call,
                                const struct atm_window *w)
{
    int64_t group = atm_node_int(call->node, "group", 1), at = 0;
    const struct atm_view *y = &call->out[0], *bias = &call->in[2];
    struct atm__walk walk;

    for (atm__walk_begin(&walk, &y->shape); walk.left > 0;
         atm__walk_next(&walk))
        atm__put_f(
            y, at++,
            atm__conv_sum(&call->in[0], 0, &call->in[1], 0, w, group,
                          walk.index) +
                (atm_has_in(call, 2) ? atm__get_f(bias, walk.index[1]) : 0));
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0], *bias = &call->in[2];
    const struct atm_shape *xs = &call->in[0].shape;
    const struct atm_shape *ks = &call->in[1].shape;
    int64_t group = atm_node_int(call->node, "group", 1);
    int64_t per_group, plane, taps, columns, c, o, at = 0;
    struct atm_shape rows = y->shape;
    struct atm__walk walk;
    struct atm_window w;
    enum atm_status st;

    st = atm_window_infer(call->node, xs, ks, &w);
    if (st || atm_view_count(y) == 0)
        return st;
    if (atm_dtype_bytes(y->dtype) == 2)
        return run_half(call, &w);
    per_group = ks->dim[0] / group;
    plane = atm_dims_product(xs, 2, xs->rank);
    taps = atm_dims_product(ks, 2, ks->rank);
    columns = w.out[w.rank - 1];
    rows.rank--;
    for (atm__walk_begin(&walk, &rows); walk.left > 0;
         atm__walk_next(&walk), at += columns) {
        int64_t m = walk.index[1], first = m / per_group * ks->dim[1];
        double b = atm_has_in(call, 2) ? atm__get_f(bias, m) : 0;

        for (o = 0; o < columns; o++)
            atm__put_f(y, at + o, b);
        for (c = 0; c < ks->dim[1]; c++)
            add_channel(call, &w,
                        (walk.index[0] * xs->dim[1] + first + c) * plane,
                        (m * ks->dim[1] + c) * taps, walk.index + 2, at);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "auto_pad", .kind = ATM_ATTR_STRING},
    {.name = "dilations", .kind = ATM_ATTR_INTS},
    {.name = "group", .kind = ATM_ATTR_INT},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Conv = {
    .attrs = attrs, .infer = infer, .run = run};
