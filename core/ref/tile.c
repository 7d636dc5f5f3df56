/* tile.c - Tile: repeats in[0] in[1][i] times along dimension i. */
#include "ref/elem.h"

#include "checked.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    int64_t repeats[ATM_RANK_MAX];
    enum atm_status st;
    uint32_t n = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_ints(call, 1, "repeats", ATM_RANK_MAX, repeats, &n);
    if (!st && n != y.rank)
        st = atm_fail(ATM_FORMAT, "repeats does not have the input's rank");
    for (i = 0; !st && i < n; i++)
        if (repeats[i] < 0 || !atm_mul_i64(y.dim[i], repeats[i], &y.dim[i]))
            st = atm_fail(ATM_FORMAT,
                          "dimension %" PRIu32 " repeated %" PRId64 " times", i,
                          repeats[i]);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], at = 0;
    struct atm__walk w;
    uint32_t d;

    atm__strides(&x->shape, stride);
    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w)) {
        int64_t from = 0;

        for (d = 0; d < w.rank; d++)
            from += w.index[d] % x->shape.dim[d] * stride[d];
        atm__move(y, at++, x, from);
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Tile = {.infer = infer, .run = run};
