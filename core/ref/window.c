/* window.c - visiting a sliding window. */
#include "ref/window.h"

#include <inttypes.h>

void atm__reach_begin(const struct atm_window *w, const int64_t *index,
                      struct atm__reach *r)
{
    uint32_t i;

    r->more = true;
    for (i = 0; i < w->rank; i++) {
        int64_t c = index[i] * w->stride[i] - w->begin[i];
        int64_t step = w->dilation[i], last = w->in[i] - 1 - c;

        r->corner[i] = c;
        r->lo[i] = c < 0 ? (-c + step - 1) / step : 0;
        r->hi[i] = last < 0 ? 0 : last / step + 1;
        if (r->hi[i] > w->kernel[i])
            r->hi[i] = w->kernel[i];
        r->k[i] = r->lo[i];
        r->more = r->more && r->lo[i] < r->hi[i];
    }
}

int64_t atm__reach_next(const struct atm_window *w, struct atm__reach *r)
{
    uint32_t i, d = w->rank;
    int64_t off = 0;

    for (i = 0; i < w->rank; i++)
        off = off * w->in[i] + r->corner[i] + r->k[i] * w->dilation[i];
    while (d-- > 0) {
        if (++r->k[d] < r->hi[d])
            return off;
        r->k[d] = r->lo[d];
    }
    r->more = false;
    return off;
}

enum atm_status atm__window_run(const struct atm_call *call,
                                const struct atm_window *w, atm__window_fn *one)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t plane = atm_dims_product(x, 2, x->rank), y = 0;
    struct atm__walk walk;

    atm__walk_begin(&walk, &call->out[0].shape);
    for (; walk.left > 0; atm__walk_next(&walk)) {
        struct atm__reach r;

        atm__reach_begin(w, walk.index + 2, &r);
        one(call, w, (walk.index[0] * x->dim[1] + walk.index[1]) * plane, &r,
            y++);
    }
    return ATM_OK;
}

struct atm_shape atm__window_shape(const struct atm_shape *x, int64_t channels,
                                   const struct atm_window *w)
{
    struct atm_shape y = *x;
    uint32_t i;

    y.dim[1] = channels;
    for (i = 0; i < w->rank; i++)
        y.dim[i + 2] = w->out[i];
    return y;
}

enum atm_status atm__conv_shape(const struct atm_node *node,
                                const struct atm_shape *x,
                                const struct atm_shape *k, struct atm_window *w,
                                struct atm_shape *y)
{
    int64_t group = atm_node_int(node, "group", 1);
    enum atm_status st = atm_window_infer(node, x, k, w);

    if (st)
        return st;
    if (group < 1 || x->dim[1] % group != 0 || k->dim[0] % group != 0 ||
        k->dim[1] != x->dim[1] / group)
        return atm_fail(ATM_FORMAT,
                        "%" PRId64 " channels in %" PRId64
                        " groups do not fit weights of %" PRId64 "x%" PRId64
                        " channels",
                        x->dim[1], group, k->dim[0], k->dim[1]);
    *y = atm__window_shape(x, k->dim[0], w);
    return ATM_OK;
}

double atm__conv_sum(const struct atm_view *x, double x_zero,
                     const struct atm_view *k, double k_zero,
                     const struct atm_window *w, int64_t group,
                     const int64_t *index)
{
    int64_t m = index[1], depth = k->shape.dim[1], c;
    int64_t plane = atm_dims_product(&x->shape, 2, x->shape.rank);
    int64_t taps = atm_dims_product(&k->shape, 2, k->shape.rank);
    int64_t first =
        index[0] * x->shape.dim[1] + m / (k->shape.dim[0] / group) * depth;
    double sum = 0;

    for (c = 0; c < depth; c++) {
        int64_t k_at = (m * depth + c) * taps;
        struct atm__reach r;

        atm__reach_begin(w, index + 2, &r);
        while (r.more) {
            int64_t tap = 0;
            uint32_t d;

            for (d = 0; d < w->rank; d++)
                tap = tap * w->kernel[d] + r.k[d];
            sum +=
                (atm__get_f(k, k_at + tap) - k_zero) *
                (atm__get_f(x, (first + c) * plane + atm__reach_next(w, &r)) -
                 x_zero);
        }
    }
    return sum;
}
