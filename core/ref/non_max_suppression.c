/* non_max_suppression.c - NonMaxSuppression: of each image and class the boxes
 * with the best scores, none of which overlaps a better one too much. */
#include "ref/elem.h"

#include <inttypes.h>

/* A number from an optional one-element input. */
static double parameter(const struct atm_call *call, uint32_t in)
{
    return atm_has_in(call, in) && atm_view_count(&call->in[in]) > 0
               ? atm__get_f(&call->in[in], 0)
               : 0;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *boxes = &call->in[0].shape;
    const struct atm_shape *scores = &call->in[1].shape;
    struct atm_shape y = {.rank = 2, .bound = true};
    enum atm_status st = ATM_OK;
    int64_t most;
    uint32_t i;

    for (i = 0; !st && i < call->n_in; i++) {
        if (!call->in[i].present)
            continue;
        st = atm_need_type(call, i, i == 2 ? ATM_TYPE(I64) : ATM_TYPES_FLOAT);
        if (!st && i >= 2 && atm_view_count(&call->in[i]) > 1)
            st = atm_fail(ATM_FORMAT, "input %" PRIu32 " is no scalar", i);
    }
    if (st)
        return st;
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dim[2] != 4 ||
        boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2])
        return atm_fail(ATM_FORMAT, "boxes and scores do not fit together");
    most = boxes->dim[1];
    if (!atm_has_in(call, 2))
        most = 0;
    else if (call->in[2].data && parameter(call, 2) < (double)most)
        most = parameter(call, 2) > 0 ? (int64_t)parameter(call, 2) : 0;
    y.dim[0] = scores->dim[0];
    if (!__builtin_mul_overflow(y.dim[0], scores->dim[1], &y.dim[0]) &&
        !__builtin_mul_overflow(y.dim[0], most, &y.dim[0])) {
        y.dim[1] = 3;
        atm_set_out(call, 0, ATM_I64, &y);
        return ATM_OK;
    }
    return atm_fail(ATM_FORMAT, "more boxes than can be counted");
}

/* Order of candidates, and behind it the chosen ones: two lists of boxes. */
static uint64_t scratch_bytes(const struct atm_call *call)
{
    return 2 * (uint64_t)call->in[0].shape.dim[1] * sizeof(int64_t);
}

struct box {
    double x0, y0, x1, y1;
};

static struct box box_of(const struct atm_call *call, int64_t at)
{
    const struct atm_view *b = &call->in[0];
    double v[4], t;
    struct box r;
    int i;

    for (i = 0; i < 4; i++)
        v[i] = atm__get_f(b, 4 * at + i);
    if (atm_node_int(call->node, "center_point_box", 0))
        return (struct box){v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2,
                            v[1] + v[3] / 2};
    r = (struct box){v[1], v[0], v[3], v[2]};
    if (r.x0 > r.x1) {
        t = r.x0;
        r.x0 = r.x1;
        r.x1 = t;
    }
    if (r.y0 > r.y1) {
        t = r.y0;
        r.y0 = r.y1;
        r.y1 = t;
    }
    return r;
}

static bool overlaps(struct box a, struct box b, double limit)
{
    double x0 = a.x0 > b.x0 ? a.x0 : b.x0, x1 = a.x1 < b.x1 ? a.x1 : b.x1;
    double y0 = a.y0 > b.y0 ? a.y0 : b.y0, y1 = a.y1 < b.y1 ? a.y1 : b.y1;
    double area_a = (a.x1 - a.x0) * (a.y1 - a.y0);
    double area_b = (b.x1 - b.x0) * (b.y1 - b.y0);
    double both = (x1 - x0) * (y1 - y0);

    return x1 > x0 && y1 > y0 && area_a > 0 && area_b > 0 &&
           both / (area_a + area_b - both) > limit;
}

/* Does candidate a come before b? Better scores first, then lower numbers. */
static bool before(const struct atm_view *s, int64_t base, int64_t a, int64_t b)
{
    double sa = atm__get_f(s, base + a), sb = atm__get_f(s, base + b);

    return sa > sb || (sa == sb && a < b);
}

/* Sorts by merging through `spare`, so that the time is bounded. */
static void sort(const struct atm_view *s, int64_t base, int64_t *list,
                 int64_t *spare, int64_t n)
{
    int64_t width, at, i;

    for (width = 1; width < n; width *= 2) {
        for (at = 0; at < n; at += 2 * width) {
            int64_t mid = at + width < n ? at + width : n;
            int64_t end = mid + width < n ? mid + width : n;
            int64_t a = at, b = mid;

            for (i = at; i < end; i++)
                spare[i] =
                    a < mid && (b >= end || !before(s, base, list[b], list[a]))
                        ? list[a++]
                        : list[b++];
        }
        memcpy(list, spare, (size_t)n * sizeof(*list));
    }
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *scores = &call->in[1];
    int64_t boxes = scores->shape.dim[2], classes = scores->shape.dim[1];
    int64_t *list = call->scratch, *chosen = list + boxes, found = 0, bc, i, k;
    double limit = parameter(call, 3), least = parameter(call, 4);
    bool has_least = atm_has_in(call, 4);
    struct atm_view *y = &call->out[0];
    double most = atm_has_in(call, 2) ? parameter(call, 2) : 0;

    for (bc = 0; bc < scores->shape.dim[0] * classes; bc++) {
        int64_t n = 0, n_chosen = 0, image = bc / classes;

        for (i = 0; i < boxes; i++)
            if (!has_least || atm__get_f(scores, bc * boxes + i) > least)
                list[n++] = i;
        sort(scores, bc * boxes, list, chosen, n);
        for (i = 0; i < n && (double)n_chosen < most; i++) {
            struct box b = box_of(call, image * boxes + list[i]);

            for (k = 0; k < n_chosen; k++)
                if (overlaps(b, box_of(call, image * boxes + chosen[k]), limit))
                    break;
            if (k < n_chosen)
                continue;
            chosen[n_chosen++] = list[i];
            atm__put_i(y, 3 * found, image);
            atm__put_i(y, 3 * found + 1, bc % classes);
            atm__put_i(y, 3 * found + 2, list[i]);
            found++;
        }
    }
    y->shape.dim[0] = found;
    y->shape.bound = false;
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "center_point_box", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_NonMaxSuppression = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
