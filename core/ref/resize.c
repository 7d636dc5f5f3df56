/* resize.c - Resize and its forerunner Upsample: nearest, linear and cubic
 * interpolation, one dimension at a time, as ONNX's reference defines them:
 * an output coordinate maps to an input position, and the 1, 2 or 4 elements
 * around that position are weighted; with antialias, all within the kernel
 * stretched by the scale. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

struct axis {
    int64_t in, out; /* elements */
    double scale;
    double roi[2]; /* part of the input, tf_crop_and_resize only */
    int64_t last;  /* output coordinate that the taps are for, or -1 */
    bool outside;  /* the position is beyond the input: extrapolate */
    int64_t n, cap;
    int64_t *at; /* in the call's scratch, and so are the weights */
    double *weight;
};

/* How coordinates map, and how positions become taps. */
struct method {
    const char *map, *mode, *round;
    double cubic_a;
    bool exclude_outside, antialias;
};

static struct method method_of(const struct atm_node *n)
{
    bool old = n->opset < 11;

    return (struct method){
        .map = atm_node_string(n, "coordinate_transformation_mode",
                               old ? "asymmetric" : "half_pixel"),
        .mode = atm_node_string(n, "mode", "nearest"),
        .round = atm_node_string(n, "nearest_mode",
                                 old ? "floor" : "round_prefer_floor"),
        .cubic_a = (double)atm_node_float(n, "cubic_coeff_a", -0.75f),
        .exclude_outside = atm_node_int(n, "exclude_outside", 0) != 0,
        .antialias = atm_node_int(n, "antialias", 0) != 0};
}

static bool one_of(const char *s, const char *const *list)
{
    while (*list && strcmp(s, *list) != 0)
        list++;
    return *list != NULL;
}

static enum atm_status check_method(const struct method *m)
{
    static const char *const maps[] = {
        "half_pixel",           "pytorch_half_pixel",
        "half_pixel_symmetric", "align_corners",
        "asymmetric",           "tf_half_pixel_for_nn",
        "tf_crop_and_resize",   NULL};
    static const char *const modes[] = {"nearest", "linear", "bilinear",
                                        "cubic", NULL};
    static const char *const rounds[] = {
        "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};

    if (!one_of(m->map, maps) || !one_of(m->mode, modes) ||
        !one_of(m->round, rounds))
        return atm_fail(ATM_UNSUPPORTED, "a mode or coordinate transformation "
                                         "that is not implemented");
    return ATM_OK;
}

/* ---- sizes ------------------------------------------------------------- */

/* Which input holds the scales: 1 before opset 11, 2 since; none where they
 * are an attribute (Upsample 7) or where input 3 gives sizes. */
static uint32_t scales_input(const struct atm_call *call)
{
    return call->node->opset < 11 ? 1 : 2;
}

static bool has_list(const struct atm_call *call, uint32_t in)
{
    return atm_has_in(call, in) && atm_view_count(&call->in[in]) > 0;
}

/* Element k of the scales. */
static enum atm_status scale_of(const struct atm_call *call, uint32_t k,
                                uint32_t n, double *scale)
{
    const struct atm_attr *a = atm_node_attr(call->node, "scales");
    uint32_t in = scales_input(call);

    if (a) {
        if (a->n != n)
            return atm_fail(ATM_FORMAT,
                            "attribute scales needs %" PRIu32 " elements", n);
        *scale = (double)a->floats[k];
    } else {
        if (!has_list(call, in) || call->in[in].dtype != ATM_F32 ||
            atm_view_count(&call->in[in]) != n)
            return atm_fail(ATM_FORMAT,
                            "input %" PRIu32 " (scales) needs "
                            "%" PRIu32 " float elements",
                            in, n);
        if (!call->in[in].data)
            return atm_fail(ATM_UNSUPPORTED,
                            "input %" PRIu32 " (scales) "
                            "decides a shape and must be a constant",
                            in);
        *scale = atm__get_f(&call->in[in], k);
    }
    if (!(*scale > 0 && *scale < 1e9))
        return atm_fail(ATM_FORMAT, "scale %g is not positive and finite",
                        *scale);
    return ATM_OK;
}

/* One scale for all of the n dimensions `to`, if attribute
 * keep_aspect_ratio_policy says so; the sizes follow from it. */
static enum atm_status keep_ratio(const struct atm_node *node, uint32_t n,
                                  const int64_t *to, struct axis *axis)
{
    const char *policy =
        atm_node_string(node, "keep_aspect_ratio_policy", "stretch");
    bool smallest = strcmp(policy, "not_larger") == 0;
    double scale = 0;
    uint32_t i;

    if (strcmp(policy, "stretch") == 0)
        return ATM_OK;
    if (!smallest && strcmp(policy, "not_smaller") != 0)
        return atm_fail(ATM_FORMAT, "keep_aspect_ratio_policy %s", policy);
    for (i = 0; i < n; i++) {
        double own = axis[to[i]].scale;

        if (i == 0 || (smallest ? own < scale : own > scale))
            scale = own;
    }
    for (i = 0; i < n; i++) {
        struct axis *a = &axis[to[i]];

        a->scale = scale;
        a->out = (int64_t)floor(scale * (double)a->in + 0.5);
    }
    return ATM_OK;
}

/* Scale and size of dimension `to`, which the lists hold at k of n. */
static enum atm_status scale_axis(const struct atm_call *call, uint32_t k,
                                  uint32_t n, const int64_t *sizes,
                                  struct axis *a)
{
    double size = sizes ? (double)sizes[k] : 0;
    enum atm_status st = ATM_OK;

    if (sizes)
        a->scale = size / (double)a->in;
    else
        st = scale_of(call, k, n, &a->scale);
    if (!st && !sizes)
        size = floor(a->scale * (double)a->in);
    if (!st && (size < 0 || size > INT32_MAX || (size > 0 && a->in == 0)))
        st = atm_fail(ATM_FORMAT, "a dimension of %" PRId64 " would become %g",
                      a->in, size);
    a->out = st ? 0 : (int64_t)size;
    return st;
}

/* Scale, size and region of interest of every dimension, from attribute axes
 * (absent: all) and the lists that go with it. */
static enum atm_status read_axes(const struct atm_call *call,
                                 const struct method *m, struct axis *axis)
{
    bool crop = strcmp(m->map, "tf_crop_and_resize") == 0;
    bool sized = call->node->opset >= 11 && has_list(call, 3);
    uint32_t rank = call->in[0].shape.rank, n, n_sizes = 0, k, d, set;
    int64_t to[ATM_RANK_MAX], sizes[ATM_RANK_MAX];
    enum atm_status st;

    st = atm_attr_ints(call->node, "axes", ATM_RANK_MAX, to, &n);
    if (!st && n > 0)
        st = atm_axes(to, n, rank, &set);
    for (k = 0; !st && n > 0 && k < n; k++)
        to[k] += to[k] < 0 ? rank : 0;
    for (k = 0; n == 0 && k < rank; k++)
        to[k] = k;
    n = n ? n : rank;
    if (!st && sized)
        st = atm_need_ints(call, 3, "sizes", ATM_RANK_MAX, sizes, &n_sizes);
    if (!st && sized && n_sizes != n)
        st = atm_fail(ATM_FORMAT, "input 3 (sizes) has %" PRIu32 " elements",
                      n_sizes);
    if (!st && crop &&
        (!atm_has_in(call, 1) ||
         atm_view_count(&call->in[1]) != 2 * (int64_t)n))
        st = atm_fail(ATM_FORMAT, "input 1 (roi) needs %" PRIu32 " elements",
                      2 * n);
    for (d = 0; !st && d < rank; d++)
        axis[d] = (struct axis){.in = call->in[0].shape.dim[d],
                                .out = call->in[0].shape.dim[d],
                                .scale = 1,
                                .roi = {0, 1},
                                .last = -1};
    for (k = 0; !st && k < n; k++) {
        struct axis *a = &axis[to[k]];

        st = scale_axis(call, k, n, sized ? sizes : NULL, a);
        if (!st && crop && call->in[1].data) {
            a->roi[0] = atm__get_f(&call->in[1], k);
            a->roi[1] = atm__get_f(&call->in[1], k + n);
        }
    }
    return st || !sized ? st : keep_ratio(call->node, n, to, axis);
}

static enum atm_status infer(struct atm_call *call)
{
    struct method m = method_of(call->node);
    struct atm_shape y = call->in[0].shape;
    struct axis axis[ATM_RANK_MAX];
    enum atm_status st;
    uint32_t d;

    st = atm_need_type(call, 0, ATM_TYPES_NUMBER);
    if (!st)
        st = check_method(&m);
    if (!st && call->node->opset >= 11 && has_list(call, 3) &&
        has_list(call, 2))
        st = atm_fail(ATM_FORMAT, "scales and sizes exclude each other");
    if (!st)
        st = read_axes(call, &m, axis);
    for (d = 0; !st && d < y.rank; d++)
        y.dim[d] = axis[d].out;
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

/* ---- one dimension ----------------------------------------------------- */

/* Position in the input of output coordinate x. */
static double position(const struct method *m, const struct axis *a, double x)
{
    /* not rounded to the real size: so the reference has it */
    double width = a->scale * (double)a->in;
    double end = (double)(a->in - 1);

    if (strcmp(m->map, "align_corners") == 0)
        return width == 1 ? 0 : x * end / (width - 1);
    if (strcmp(m->map, "asymmetric") == 0)
        return x / a->scale;
    if (strcmp(m->map, "tf_half_pixel_for_nn") == 0)
        return (x + 0.5) / a->scale;
    if (strcmp(m->map, "tf_crop_and_resize") == 0)
        return a->roi[0] * end +
               (width == 1 ? (a->roi[1] - a->roi[0]) * end / 2
                           : x * (a->roi[1] - a->roi[0]) * end / (width - 1));
    if (strcmp(m->map, "pytorch_half_pixel") == 0 && width == 1)
        return 0;
    if (strcmp(m->map, "half_pixel_symmetric") == 0)
        x += ((double)a->in - (double)a->out / a->scale) / 2 * a->scale;
    return (x + 0.5) / a->scale - 0.5;
}

/* Keys' kernel at distance x. */
static double cubic_weight(double a, double x)
{
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * a * x - 4 * a : 0;
}

static double weight_at(const struct method *m, double x)
{
    if (m->mode[0] == 'c')
        return cubic_weight(m->cubic_a, fabs(x));
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static bool rounds_up(const char *round, double f)
{
    if (strcmp(round, "floor") == 0)
        return false;
    if (strcmp(round, "ceil") == 0)
        return f > 0;
    return strcmp(round, "round_prefer_ceil") == 0 ? f >= 0.5 : f > 0.5;
}

/* How much the kernel is stretched. */
static double shrink_of(const struct method *m, double scale)
{
    return m->antialias && scale < 1 ? scale : 1;
}

/* Taps at or below a position, and as many above it. */
static int64_t reach_of(const struct method *m, double scale)
{
    return (int64_t)ceil((m->mode[0] == 'c' ? 2 : 1) / shrink_of(m, scale));
}

static void find_taps(const struct method *m, struct axis *a, int64_t x)
{
    double at = position(m, a, (double)x), sum = 0, f;
    double shrink = shrink_of(m, a->scale);
    int64_t first, i;

    a->last = x;
    a->outside = strcmp(m->map, "tf_crop_and_resize") == 0 &&
                 !(at >= 0 && at <= (double)(a->in - 1));
    if (!(fabs(at) < 1e15)) /* a hostile region of interest */
        at = 0;
    first = (int64_t)floor(at);
    f = at - floor(at);
    if (m->mode[0] == 'n') {
        a->n = 1;
        first += rounds_up(m->round, f);
        a->weight[0] = 1;
    } else {
        a->n = a->cap;
        first -= a->cap / 2 - 1;
        for (i = 0; i < a->n; i++)
            a->weight[i] =
                weight_at(m, ((double)(i + 1 - a->cap / 2) - f) * shrink);
    }
    for (i = 0; i < a->n; i++) {
        int64_t k = first + i;

        if (m->exclude_outside && (k < 0 || k >= a->in))
            a->weight[i] = 0;
        a->at[i] = k < 0 ? 0 : k >= a->in ? a->in - 1 : k;
        sum += a->weight[i];
    }
    if (sum != 0 && (m->exclude_outside || m->antialias))
        for (i = 0; i < a->n; i++)
            a->weight[i] /= sum;
}

/* Weighted sum over dimensions d, d + 1, ... from element `at` on. */
static double blend(const struct atm_view *x, const struct axis *axis,
                    uint32_t d, int64_t at)
{
    double sum = 0;
    int64_t i;

    if (d == x->shape.rank)
        return atm__get_f(x, at);
    at *= axis[d].in;
    for (i = 0; i < axis[d].n; i++)
        if (axis[d].weight[i] != 0)
            sum +=
                axis[d].weight[i] * blend(x, axis, d + 1, at + axis[d].at[i]);
    return sum;
}

#define TAP_BYTES (sizeof(int64_t) + sizeof(double))

/* By shapes alone: lowering knows no data. Sizes are rounded scales. */
static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *y = &call->out[0].shape;
    struct method m = method_of(call->node);
    uint64_t taps = 0;
    uint32_t d;

    for (d = 0; d < x->rank; d++)
        if (y->dim[d] > 0)
            taps += 2 * (uint64_t)reach_of(&m, ((double)y->dim[d] - 0.5) /
                                                   (double)x->dim[d]);
    return taps * TAP_BYTES;
}

/* Nearest even, within the type: a cubic kernel overshoots. */
static void put(const struct atm_view *y, int64_t at, double x)
{
    static const double hi[ATM_DTYPE_COUNT] = {
        [ATM_U8] = UINT8_MAX,  [ATM_I8] = INT8_MAX,   [ATM_U16] = UINT16_MAX,
        [ATM_I16] = INT16_MAX, [ATM_I32] = INT32_MAX, [ATM_U32] = UINT32_MAX,
        [ATM_I64] = 0x1p63,    [ATM_U64] = 0x1p64};
    double top = hi[y->dtype];
    double low = atm_type_in(y->dtype, ATM_TYPES_SIGNED)
                     ? -top - (y->dtype != ATM_I64)
                     : 0;

    if (!atm__is_float(y->dtype))
        x = fmax(low, fmin(top, rint(x)));
    atm__put_f(y, at, x);
}

static enum atm_status run(const struct atm_call *call)
{
    double beyond =
        (double)atm_node_float(call->node, "extrapolation_value", 0);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct method m = method_of(call->node);
    struct axis axis[ATM_RANK_MAX];
    char *free_at = call->scratch;
    struct atm__walk w;
    enum atm_status st;
    int64_t at = 0;
    uint32_t d;

    st = read_axes(call, &m, axis);
    if (st || atm_view_count(y) == 0) /* a scale may be 0 then */
        return st;
    for (d = 0; d < x->shape.rank; d++) {
        axis[d].cap = 2 * reach_of(&m, axis[d].scale);
        axis[d].at = (int64_t *)free_at;
        axis[d].weight = (double *)free_at + axis[d].cap;
        free_at += axis[d].cap * (int64_t)TAP_BYTES;
    }
    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w), at++) {
        bool outside = false;

        for (d = 0; d < w.rank; d++) {
            if (axis[d].last != w.index[d])
                find_taps(&m, &axis[d], w.index[d]);
            outside |= axis[d].outside;
        }
        put(y, at, outside ? beyond : blend(x, axis, 0, 0));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "antialias", .kind = ATM_ATTR_INT, .since = 18},
    {.name = "axes", .kind = ATM_ATTR_INTS, .since = 18},
    {.name = "coordinate_transformation_mode",
     .kind = ATM_ATTR_STRING,
     .since = 11},
    {.name = "cubic_coeff_a", .kind = ATM_ATTR_FLOAT, .since = 11},
    {.name = "exclude_outside", .kind = ATM_ATTR_INT, .since = 11},
    {.name = "extrapolation_value", .kind = ATM_ATTR_FLOAT, .since = 11},
    {.name = "keep_aspect_ratio_policy", .kind = ATM_ATTR_STRING, .since = 18},
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "nearest_mode", .kind = ATM_ATTR_STRING, .since = 11},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Resize = {
    .attrs = attrs, .infer = infer, .scratch_bytes = scratch_bytes, .run = run};

/* Until opset 9; the scales are an attribute before that. */
static const struct atm_attr_def upsample_attrs[] = {
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "scales", .kind = ATM_ATTR_FLOATS, .required = true, .until = 8},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Upsample = {.attrs = upsample_attrs,
                                                 .infer = infer,
                                                 .scratch_bytes = scratch_bytes,
                                                 .run = run};
