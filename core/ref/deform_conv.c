/* deform_conv.c - DeformConv: a convolution each of whose taps is moved by an
 * offset of its own and weighted by a mask; between elements the image is
 * interpolated linearly, outside it is zero. Any number of dimensions. */
#include "ref/window.h"

#include <inttypes.h>
#include <math.h>

/* Dimension 1 of in[i] is `channels`, the others are those of the output. */
static bool like_output(const struct atm_call *call, uint32_t in,
                        const struct atm_shape *y, int64_t channels)
{
    struct atm_shape s = *y;

    s.dim[1] = channels;
    return atm_shape_equal(&call->in[in].shape, &s);
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *k = &call->in[1].shape;
    int64_t groups = atm_node_int(call->node, "offset_group", 1), taps;
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT);
    if (!st)
        st = atm__conv_shape(call->node, x, k, &w, &y);
    if (st)
        return st;
    taps = atm_dims_product(k, 2, k->rank);
    if (groups < 1 || x->dim[1] % groups != 0 ||
        groups > INT32_MAX / (taps * w.rank) ||
        !like_output(call, 2, &y, groups * taps * w.rank) ||
        (atm_has_in(call, 4) && !like_output(call, 4, &y, groups * taps)))
        return atm_fail(ATM_FORMAT,
                        "offset or mask do not fit %" PRId64
                        " groups of a kernel of %" PRId64 " elements",
                        groups, taps);
    if (atm_has_in(call, 3) &&
        (call->in[3].shape.rank != 1 || call->in[3].shape.dim[0] != k->dim[0]))
        return atm_fail(ATM_FORMAT,
                        "input 3 (bias) needs one element for "
                        "each of %" PRId64 " channels",
                        k->dim[0]);
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* The image around `pos`, dimensions from `d` on; `at`: row-major so far. */
static double blend(const struct atm_view *x, const struct atm_window *w,
                    const double *pos, uint32_t d, int64_t at)
{
    double below, part, sum = 0;
    int64_t i;

    if (d == w->rank)
        return atm__get_f(x, at);
    if (!(pos[d] > -1 && pos[d] < (double)w->in[d]))
        return 0;
    below = floor(pos[d]);
    part = pos[d] - below;
    i = (int64_t)below;
    at *= w->in[d];
    if (i >= 0)
        sum += (1 - part) * blend(x, w, pos, d + 1, at + i);
    if (part > 0 && i + 1 < w->in[d])
        sum += part * blend(x, w, pos, d + 1, at + i + 1);
    return sum;
}

struct deform {
    const struct atm_call *call;
    struct atm_window w;
    int64_t offset_groups, taps, plane; /* elements of an output plane */
};

/* What one tap sees of one channel. `spot`: offset in the output plane. */
static double sample(const struct deform *f, const int64_t *index,
                     int64_t channel, const struct atm__walk *tap, int64_t t,
                     int64_t spot)
{
    const struct atm_view *x = &f->call->in[0];
    int64_t group = index[0] * f->offset_groups +
                    channel / (x->shape.dim[1] / f->offset_groups);
    double pos[ATM_RANK_MAX], mask = 1;
    uint32_t d;

    for (d = 0; d < f->w.rank; d++) {
        int64_t o = (group * f->taps + t) * f->w.rank + d;

        pos[d] = (double)(index[d + 2] * f->w.stride[d] - f->w.begin[d] +
                          tap->index[d] * f->w.dilation[d]) +
                 atm__get_f(&f->call->in[2], o * f->plane + spot);
    }
    if (atm_has_in(f->call, 4))
        mask = atm__get_f(&f->call->in[4],
                          (group * f->taps + t) * f->plane + spot);
    return mask * blend(x, &f->w, pos, 0, index[0] * x->shape.dim[1] + channel);
}

static double element(const struct deform *f, const int64_t *index,
                      int64_t spot)
{
    const struct atm_view *k = &f->call->in[1];
    int64_t depth = k->shape.dim[1], m = index[1], c, t;
    int64_t group = atm_node_int(f->call->node, "group", 1);
    int64_t first = m / (k->shape.dim[0] / group) * depth;
    struct atm_shape kernel = {.rank = f->w.rank};
    double sum = 0;

    memcpy(kernel.dim, f->w.kernel, sizeof(kernel.dim));
    for (c = 0; c < depth; c++) {
        struct atm__walk tap;

        t = 0;
        for (atm__walk_begin(&tap, &kernel); tap.left > 0;
             atm__walk_next(&tap), t++)
            sum += atm__get_f(k, (m * depth + c) * f->taps + t) *
                   sample(f, index, first + c, &tap, t, spot);
    }
    return sum;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    struct deform f = {.call = call,
                       .offset_groups =
                           atm_node_int(call->node, "offset_group", 1),
                       .plane = atm_dims_product(&y->shape, 2, y->shape.rank)};
    struct atm_shape again;
    struct atm__walk walk;
    int64_t at = 0;
    enum atm_status st;

    st = atm__conv_shape(call->node, &call->in[0].shape, &call->in[1].shape,
                         &f.w, &again);
    if (st)
        return st;
    f.taps = atm_dims_product(&call->in[1].shape, 2, y->shape.rank);
    for (atm__walk_begin(&walk, &y->shape); walk.left > 0;
         atm__walk_next(&walk), at++)
        atm__put_f(y, at,
                   element(&f, walk.index, at % f.plane) +
                       (atm_has_in(call, 3)
                            ? atm__get_f(&call->in[3], walk.index[1])
                            : 0));
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "dilations", .kind = ATM_ATTR_INTS},
    {.name = "group", .kind = ATM_ATTR_INT},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS},
    {.name = "offset_group", .kind = ATM_ATTR_INT},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_DeformConv = {
    .attrs = attrs, .infer = infer, .run = run};
