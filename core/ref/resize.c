/* resize.c - Resize and its forerunner Upsample: nearest, linear and cubic
 * interpolation, one dimension at a time, as ONNX's reference defines them:
 * an output coordinate maps to an input position, and the 1, 2 or 4 elements
 * around that position are weighted. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

#define TAPS 4

struct axis {
    int64_t in; /* elements */
    double scale;
    double roi[2]; /* part of the input, tf_crop_and_resize only */
    int64_t last;  /* output coordinate that the taps are for, or -1 */
    bool outside;  /* the position is beyond the input: extrapolate */
    int n;
    int64_t at[TAPS];
    double weight[TAPS];
};

/* How coordinates map, and how positions become taps. */
struct method {
    const char *map, *mode, *round;
    double cubic_a;
    bool exclude_outside;
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
        .exclude_outside = atm_node_int(n, "exclude_outside", 0) != 0};
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
        "half_pixel", "pytorch_half_pixel",   "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize",
        NULL};
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

static enum atm_status scale_of(const struct atm_call *call, uint32_t d,
                                double *scale)
{
    const struct atm_attr *a = atm_node_attr(call->node, "scales");
    uint32_t in = scales_input(call), rank = call->in[0].shape.rank;

    if (a) {
        if (a->n != rank)
            return atm_fail(ATM_FORMAT,
                            "attribute scales needs %" PRIu32 " elements",
                            rank);
        *scale = (double)a->floats[d];
    } else {
        if (!has_list(call, in) || call->in[in].dtype != ATM_F32 ||
            atm_view_count(&call->in[in]) != rank)
            return atm_fail(ATM_FORMAT,
                            "input %" PRIu32 " (scales) needs "
                            "%" PRIu32 " float elements",
                            in, rank);
        if (!call->in[in].data)
            return atm_fail(ATM_UNSUPPORTED,
                            "input %" PRIu32 " (scales) "
                            "decides a shape and must be a constant",
                            in);
        *scale = atm__get_f(&call->in[in], d);
    }
    if (!(*scale > 0 && *scale < 1e9))
        return atm_fail(ATM_FORMAT, "scale %g is not positive and finite",
                        *scale);
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct method m = method_of(call->node);
    struct atm_shape y = call->in[0].shape;
    bool sized = call->node->opset >= 11 && has_list(call, 3);
    int64_t sizes[ATM_RANK_MAX];
    enum atm_status st;
    uint32_t n = 0, d;
    double scale, size;

    st = atm_need_type(call, 0, ATM_TYPES_NUMBER);
    if (!st)
        st = check_method(&m);
    if (!st && sized && has_list(call, 2))
        st = atm_fail(ATM_FORMAT, "scales and sizes exclude each other");
    if (!st && sized)
        st = atm_need_ints(call, 3, "sizes", ATM_RANK_MAX, sizes, &n);
    if (!st && sized && n != y.rank)
        st =
            atm_fail(ATM_FORMAT, "input 3 (sizes) has %" PRIu32 " elements", n);
    if (!st && strcmp(m.map, "tf_crop_and_resize") == 0 &&
        (!atm_has_in(call, 1) ||
         atm_view_count(&call->in[1]) != 2 * (int64_t)y.rank))
        st = atm_fail(ATM_FORMAT, "input 1 (roi) needs %" PRIu32 " elements",
                      2 * y.rank);
    for (d = 0; !st && d < y.rank; d++) {
        if (sized) {
            size = (double)sizes[d];
        } else {
            st = scale_of(call, d, &scale);
            size = st ? 0 : floor(scale * (double)y.dim[d]);
        }
        if (!st &&
            (size < 0 || size > INT32_MAX || (size > 0 && y.dim[d] == 0)))
            st =
                atm_fail(ATM_FORMAT,
                         "dimension %" PRIu32 " of %" PRId64 " would become %g",
                         d, y.dim[d], size);
        y.dim[d] = st ? 0 : (int64_t)size;
    }
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
    return (x + 0.5) / a->scale - 0.5;
}

/* Keys' kernel at distances 1 + f, f, 1 - f and 2 - f. */
static void cubic_weights(double a, double f, double *w)
{
    double g = 1 - f;

    w[0] = ((a * (f + 1) - 5 * a) * (f + 1) + 8 * a) * (f + 1) - 4 * a;
    w[1] = ((a + 2) * f - (a + 3)) * f * f + 1;
    w[2] = ((a + 2) * g - (a + 3)) * g * g + 1;
    w[3] = ((a * (g + 1) - 5 * a) * (g + 1) + 8 * a) * (g + 1) - 4 * a;
}

static bool rounds_up(const char *round, double f)
{
    if (strcmp(round, "floor") == 0)
        return false;
    if (strcmp(round, "ceil") == 0)
        return f > 0;
    return strcmp(round, "round_prefer_ceil") == 0 ? f >= 0.5 : f > 0.5;
}

static void find_taps(const struct method *m, struct axis *a, int64_t x)
{
    double at = position(m, a, (double)x), sum = 0, f;
    int64_t first;
    int i;

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
    } else if (m->mode[0] == 'c') {
        a->n = 4;
        first--;
        cubic_weights(m->cubic_a, f, a->weight);
    } else {
        a->n = 2;
        a->weight[0] = 1 - f;
        a->weight[1] = f;
    }
    for (i = 0; i < a->n; i++) {
        int64_t k = first + i;

        if (m->exclude_outside && (k < 0 || k >= a->in))
            a->weight[i] = 0;
        a->at[i] = k < 0 ? 0 : k >= a->in ? a->in - 1 : k;
        sum += a->weight[i];
    }
    for (i = 0; m->exclude_outside && i < a->n; i++)
        a->weight[i] /= sum;
}

/* Weighted sum over dimensions d, d + 1, ... from element `at` on. */
static double blend(const struct atm_view *x, const struct axis *axis,
                    uint32_t d, int64_t at)
{
    double sum = 0;
    int i;

    if (d == x->shape.rank)
        return atm__get_f(x, at);
    at *= axis[d].in;
    for (i = 0; i < axis[d].n; i++)
        if (axis[d].weight[i] != 0)
            sum +=
                axis[d].weight[i] * blend(x, axis, d + 1, at + axis[d].at[i]);
    return sum;
}

static enum atm_status run(const struct atm_call *call)
{
    double beyond =
        (double)atm_node_float(call->node, "extrapolation_value", 0);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    bool sized = call->node->opset >= 11 && has_list(call, 3);
    struct method m = method_of(call->node);
    struct axis axis[ATM_RANK_MAX];
    struct atm__walk w;
    enum atm_status st = ATM_OK;
    int64_t at = 0;
    uint32_t d;

    for (d = 0; !st && d < x->shape.rank; d++) {
        axis[d] = (struct axis){.in = x->shape.dim[d], .last = -1};
        if (sized)
            axis[d].scale = (double)y->shape.dim[d] / (double)axis[d].in;
        else
            st = scale_of(call, d, &axis[d].scale);
        if (strcmp(m.map, "tf_crop_and_resize") == 0) {
            axis[d].roi[0] = atm__get_f(&call->in[1], d);
            axis[d].roi[1] = atm__get_f(&call->in[1], d + x->shape.rank);
        }
    }
    if (st)
        return st;
    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w), at++) {
        bool outside = false;

        for (d = 0; d < w.rank; d++) {
            if (axis[d].last != w.index[d])
                find_taps(&m, &axis[d], w.index[d]);
            outside |= axis[d].outside;
        }
        atm__put_f(y, at, outside ? beyond : blend(x, axis, 0, 0));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "coordinate_transformation_mode",
     .kind = ATM_ATTR_STRING,
     .since = 11},
    {.name = "cubic_coeff_a", .kind = ATM_ATTR_FLOAT, .since = 11},
    {.name = "exclude_outside", .kind = ATM_ATTR_INT, .since = 11},
    {.name = "extrapolation_value", .kind = ATM_ATTR_FLOAT, .since = 11},
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "nearest_mode", .kind = ATM_ATTR_STRING, .since = 11},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Resize = {
    .attrs = attrs, .infer = infer, .run = run};

/* Until opset 9; the scales are an attribute before that. */
static const struct atm_attr_def upsample_attrs[] = {
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "scales", .kind = ATM_ATTR_FLOATS, .required = true, .until = 8},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Upsample = {
    .attrs = upsample_attrs, .infer = infer, .run = run};
