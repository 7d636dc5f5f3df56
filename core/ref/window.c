/* window.c - visiting a sliding window. */
#include "ref/window.h"

enum atm_status atm__window_run(const struct atm_call *call,
                                const struct atm_window *w,
                                atm__window_fn *one)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t corner[ATM_RANK_MAX], plane = 1;
    struct atm__walk walk;
    int64_t y = 0;
    uint32_t i;

    for (i = 0; i < w->rank; i++)
        plane *= w->in[i];
    atm__walk_begin(&walk, &call->out[0].shape);
    for (; walk.left > 0; atm__walk_next(&walk)) {
        for (i = 0; i < w->rank; i++)
            corner[i] = walk.index[i + 2] * w->stride[i] - w->begin[i];
        one(call, w, (walk.index[0] * x->dim[1] + walk.index[1]) * plane,
            corner, y++);
    }
    return ATM_OK;
}

bool atm__window_next(const struct atm_window *w, int64_t *k)
{
    uint32_t d = w->rank;

    while (d-- > 0) {
        if (++k[d] < w->kernel[d])
            return true;
        k[d] = 0;
    }
    return false;
}

int64_t atm__window_at(const struct atm_window *w, const int64_t *corner,
                       const int64_t *k)
{
    int64_t off = 0;
    uint32_t i;

    for (i = 0; i < w->rank; i++) {
        int64_t at = corner[i] + k[i] * w->dilation[i];

        if (at < 0 || at >= w->in[i])
            return -1;
        off = off * w->in[i] + at;
    }
    return off;
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
