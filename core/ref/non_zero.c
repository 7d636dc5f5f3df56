/* non_zero.c - NonZero: the positions of the elements that are not zero, one
 * column each, in row-major order. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape y = {.rank = 2, .bound = true};
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    y.dim[0] = x->rank > 0 ? x->rank : 1;
    y.dim[1] = atm_view_count(&call->in[0]);
    if (!st)
        atm_set_out(call, 0, ATM_I64, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0];
    struct atm_view *y = &call->out[0];
    struct atm__walk w;
    int64_t at = 0, n = 0, column = 0;
    uint32_t d;

    for (at = 0; at < atm_view_count(x); at++)
        n += atm__get_f(x, at) != 0;
    y->shape.dim[1] = n;
    y->shape.bound = false;
    at = 0;
    for (atm__walk_begin(&w, &x->shape); w.left > 0; atm__walk_next(&w), at++) {
        if (atm__get_f(x, at) == 0)
            continue;
        for (d = 0; d < w.rank; d++)
            atm__put_i(y, d * n + column, w.index[d]);
        if (w.rank == 0)
            atm__put_i(y, 0, 0);
        column++;
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_NonZero = {.infer = infer, .run = run};
