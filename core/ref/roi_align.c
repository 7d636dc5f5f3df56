/* roi_align.c - RoiAlign: each region of an image, resampled to one size:
 * average or maximum of bilinear samples on a grid in each cell. */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

static bool half_pixel(const struct atm_node *n)
{
    return n->opset >= 16 &&
           strcmp(atm_node_string(n, "coordinate_transformation_mode",
                                  "half_pixel"),
                  "half_pixel") == 0;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *rois = &call->in[1].shape;
    const char *mode = atm_node_string(call->node, "mode", "avg");
    struct atm_shape y = *x;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_type(call, 2, ATM_TYPE(I64));
    if (st)
        return st;
    y.dim[2] = atm_node_int(call->node, "output_height", 1);
    y.dim[3] = atm_node_int(call->node, "output_width", 1);
    if (x->rank != 4 || x->dim[2] < 1 || x->dim[3] < 1 || rois->rank != 2 ||
        rois->dim[1] != 4 || call->in[2].shape.rank != 1 ||
        call->in[2].shape.dim[0] != rois->dim[0])
        return atm_fail(ATM_FORMAT,
                        "images, regions and indices do not fit together");
    if (strcmp(mode, "avg") != 0 && strcmp(mode, "max") != 0)
        return atm_fail(ATM_FORMAT, "attribute mode is unknown");
    if (y.dim[2] < 1 || y.dim[2] > INT32_MAX || y.dim[3] < 1 ||
        y.dim[3] > INT32_MAX ||
        atm_node_int(call->node, "sampling_ratio", 0) > 1024)
        return atm_fail(ATM_FORMAT, "output size or sampling ratio make no "
                                    "sense");
    y.dim[0] = rois->dim[0];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

#define SAMPLES_MAX 4096 /* of one cell in one dimension */

/* One dimension of a region: where its samples lie. */
struct span {
    double start, cell; /* in pixels */
    int64_t samples;    /* in each cell */
};

static struct span span_of(const struct atm_call *call, int64_t roi,
                           uint32_t column, int64_t cells)
{
    double scale = (double)atm_node_float(call->node, "spatial_scale", 1);
    int64_t ratio = atm_node_int(call->node, "sampling_ratio", 0);
    bool half = half_pixel(call->node);
    double from, size, n;
    struct span s;

    from = atm__get_f(&call->in[1], roi * 4 + column) * scale;
    size = atm__get_f(&call->in[1], roi * 4 + column + 2) * scale - from;
    if (!half && size < 1)
        size = 1; /* as before opset 16 */
    s.start = from - (half ? 0.5 : 0);
    s.cell = size / (double)cells;
    n = ratio > 0 ? (double)ratio : ceil(s.cell);
    s.samples = n > SAMPLES_MAX ? SAMPLES_MAX + 1 : n > 0 ? (int64_t)n : 0;
    return s;
}

/* Neighbours of a position in one dimension; false: outside the image. */
static bool neighbours(double v, int64_t n, int64_t at[2], double w[2])
{
    if (!(v >= -1 && v <= (double)n))
        return false;
    v = v < 0 ? 0 : v;
    at[0] = (int64_t)v < n - 1 ? (int64_t)v : n - 1;
    at[1] = at[0] < n - 1 ? at[0] + 1 : at[0];
    w[1] = at[0] < n - 1 ? v - (double)at[0] : 0;
    w[0] = 1 - w[1];
    return true;
}

/* Average: the sum of weighted neighbours; maximum: the largest of them, as
 * ONNX defines it. */
static double sample(const struct atm_view *x, int64_t plane, double v,
                     double u, bool max)
{
    int64_t row[2], col[2], width = x->shape.dim[3];
    double wr[2], wc[2], result = 0;
    int i;

    if (!neighbours(v, x->shape.dim[2], row, wr) ||
        !neighbours(u, width, col, wc))
        return 0;
    for (i = 0; i < 4; i++) {
        double part = wr[i / 2] * wc[i % 2] *
                      atm__get_f(x, plane + row[i / 2] * width + col[i % 2]);

        result = !max ? result + part : i == 0 || part > result ? part : result;
    }
    return result;
}

static double cell(const struct atm_call *call, int64_t plane, struct span h,
                   struct span w, int64_t i, int64_t j)
{
    bool max = atm_node_string(call->node, "mode", "avg")[0] == 'm';
    double sum = 0, best = 0;
    int64_t r, c;

    for (r = 0; r < h.samples; r++)
        for (c = 0; c < w.samples; c++) {
            double v = h.start + h.cell * ((double)i + ((double)r + 0.5) /
                                                           (double)h.samples);
            double u = w.start + w.cell * ((double)j + ((double)c + 0.5) /
                                                           (double)w.samples);
            double s = sample(&call->in[0], plane, v, u, max);

            sum += s;
            best = (r == 0 && c == 0) || s > best ? s : best;
        }
    if (max)
        return best;
    return h.samples * w.samples > 0 ? sum / (double)(h.samples * w.samples)
                                     : 0;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_view *y = &call->out[0];
    int64_t rows = y->shape.dim[2], cols = y->shape.dim[3];
    int64_t roi, c, i, j, at = 0;

    for (roi = 0; roi < y->shape.dim[0]; roi++) {
        int64_t image = atm__get_i(&call->in[2], roi);
        struct span w = span_of(call, roi, 0, cols);
        struct span h = span_of(call, roi, 1, rows);

        if (image < 0 || image >= x->dim[0])
            return atm_fail(ATM_FORMAT,
                            "region of image %" PRId64 ", there are %" PRId64,
                            image, x->dim[0]);
        if (w.samples > SAMPLES_MAX || h.samples > SAMPLES_MAX)
            return atm_fail(ATM_FORMAT,
                            "region %" PRId64 " needs more than %d samples a "
                            "cell",
                            roi, SAMPLES_MAX);
        for (c = 0; c < x->dim[1]; c++)
            for (i = 0; i < rows; i++)
                for (j = 0; j < cols; j++)
                    atm__put_f(
                        y, at++,
                        cell(call,
                             (image * x->dim[1] + c) * x->dim[2] * x->dim[3], h,
                             w, i, j));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "coordinate_transformation_mode",
     .kind = ATM_ATTR_STRING,
     .since = 16},
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = "output_height", .kind = ATM_ATTR_INT},
    {.name = "output_width", .kind = ATM_ATTR_INT},
    {.name = "sampling_ratio", .kind = ATM_ATTR_INT},
    {.name = "spatial_scale", .kind = ATM_ATTR_FLOAT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_RoiAlign = {
    .attrs = attrs, .infer = infer, .run = run};
