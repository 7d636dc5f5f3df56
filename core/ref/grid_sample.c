/* grid_sample.c - GridSample: the image at positions that in[1] names, from
 * -1 to 1 over each dimension, last dimension first; nearest, linear or cubic
 * interpolation over any number of dimensions. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

enum edge { ZEROS, BORDER, REFLECTION };

struct method {
    int taps; /* 1 nearest, 2 linear, 4 cubic */
    enum edge edge;
    bool corners;
};

static enum atm_status method_of(const struct atm_node *n, struct method *m)
{
    bool old = n->opset < 20;
    const char *mode = atm_node_string(n, "mode", old ? "bilinear" : "linear");
    const char *pad = atm_node_string(n, "padding_mode", "zeros");

    m->corners = atm_node_int(n, "align_corners", 0) != 0;
    m->taps = strcmp(mode, "nearest") == 0                     ? 1
              : strcmp(mode, old ? "bilinear" : "linear") == 0 ? 2
              : strcmp(mode, old ? "bicubic" : "cubic") == 0   ? 4
                                                               : 0;
    m->edge = strcmp(pad, "border") == 0       ? BORDER
              : strcmp(pad, "reflection") == 0 ? REFLECTION
                                               : ZEROS;
    if (m->taps == 0 || (m->edge == ZEROS && strcmp(pad, "zeros") != 0))
        return atm_fail(ATM_FORMAT,
                        "attribute mode or padding_mode is unknown");
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *grid = &call->in[1].shape;
    struct atm_shape y = *grid;
    struct method m;
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_FLOAT);
    if (!st)
        st = method_of(call->node, &m);
    if (st)
        return st;
    if (x->rank < 3 || grid->rank != x->rank || grid->dim[0] != x->dim[0] ||
        grid->dim[grid->rank - 1] != (int64_t)x->rank - 2)
        return atm_fail(ATM_FORMAT, "image and grid do not fit together");
    y.dim[1] = x->dim[1];
    for (i = 2; i < y.rank; i++) {
        y.dim[i] = grid->dim[i - 1];
        if (x->dim[i] < 1 || x->dim[i] > INT32_MAX)
            return atm_fail(ATM_FORMAT, "the image has a dimension of %" PRId64,
                            x->dim[i]);
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* Back and forth between the borders, until within. */
static double reflect(double x, double lo, double hi)
{
    double range = hi - lo, d = x < lo ? lo - x : x - hi, turns, rest;

    if (x >= lo && x <= hi)
        return x;
    if (range <= 0)
        return lo;
    turns = floor(d / range);
    rest = d - turns * range;
    return (fmod(turns, 2) == 0) == (x < lo) ? lo + rest : hi - rest;
}

/* Keys' kernel, a = -0.75, at distances 1 + f, f, 1 - f, 2 - f. */
static void weights(int taps, double f, double *w)
{
    const double a = -0.75;
    double g = 1 - f;

    if (taps == 1) {
        w[0] = 1;
    } else if (taps == 2) {
        w[0] = g;
        w[1] = f;
    } else {
        w[0] = ((a * (f + 1) - 5 * a) * (f + 1) + 8 * a) * (f + 1) - 4 * a;
        w[1] = ((a + 2) * f - (a + 3)) * f * f + 1;
        w[2] = ((a + 2) * g - (a + 3)) * g * g + 1;
        w[3] = ((a * (g + 1) - 5 * a) * (g + 1) + 8 * a) * (g + 1) - 4 * a;
    }
}

/* The elements of one dimension around a position; at < 0: nothing there. */
struct axis {
    int64_t at[4];
    double weight[4];
};

static void find_taps(const struct method *m, double v, int64_t n,
                      struct axis *a)
{
    double end = (double)(n - 1), lo = m->corners ? 0 : -0.5;
    double hi = m->corners ? end : end + 0.5, x;
    int64_t first;
    int i;

    x = m->corners ? (v + 1) / 2 * end : ((v + 1) * (double)n - 1) / 2;
    x = (double)(float)x; /* as ONNX's reference rounds it */
    if (m->taps == 1)
        x = rint(x);
    if (m->edge == BORDER && m->taps < 4) /* cubic: each tap by itself */
        x = x < 0 ? 0 : x > end ? end : x;
    else if (m->edge == REFLECTION)
        x = reflect(x, lo, hi);
    if (!(fabs(x) < 1e15)) /* no position at all */
        x = m->edge == ZEROS || x < 0 ? -1e15 : x > 0 ? 1e15 : 0;
    first = (int64_t)floor(x);
    weights(m->taps, x - (double)first, a->weight);
    first -= m->taps == 4;
    for (i = 0; i < m->taps; i++) {
        int64_t k = first + i;

        if (m->edge == BORDER)
            k = k < 0 ? 0 : k > n - 1 ? n - 1 : k;
        else if (m->edge == REFLECTION)
            k = (int64_t)reflect((double)k, lo, hi);
        a->at[i] = k < 0 || k >= n ? -1 : k;
    }
}

static double blend(const struct atm_view *x, const struct axis *axis, int taps,
                    uint32_t d, int64_t at)
{
    double sum = 0;
    int i;

    if (d == x->shape.rank)
        return atm__get_f(x, at);
    for (i = 0; i < taps; i++)
        if (axis[d].at[i] >= 0)
            sum +=
                axis[d].weight[i] * blend(x, axis, taps, d + 1,
                                          at * x->shape.dim[d] + axis[d].at[i]);
    return sum;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    const struct atm_view *grid = &call->in[1];
    uint32_t rank = x->shape.rank, d;
    int64_t plane = atm_dims_product(&y->shape, 2, rank), at = 0;
    int64_t count = atm_view_count(y), channels = y->shape.dim[1];
    struct axis axis[ATM_RANK_MAX];
    struct method m;
    enum atm_status st = method_of(call->node, &m);

    for (; !st && at < count; at++) {
        int64_t where = at / (plane * channels) * plane + at % plane;

        for (d = 2; d < rank; d++)
            find_taps(&m, atm__get_f(grid, where * (rank - 2) + rank - 1 - d),
                      x->shape.dim[d], &axis[d]);
        atm__put_f(y, at, blend(x, axis, m.taps, 2, at / plane));
    }
    return st;
}

static const struct atm_attr_def attrs[] = {
    {.name = "align_corners", .kind = ATM_ATTR_INT},
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "padding_mode", .kind = ATM_ATTR_STRING},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_GridSample = {
    .attrs = attrs, .infer = infer, .run = run};
