/* global_pool.c - what the pools over the whole image share. */
#include "ref/global_pool.h"

enum atm_status atm__global_pool_infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_rank(call, 0, 3);
    if (st)
        return st;
    for (i = 2; i < y.rank; i++) {
        if (y.dim[i] == 0)
            return atm_fail(ATM_FORMAT, "the input's image is empty");
        y.dim[i] = 1;
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

enum atm_status atm__global_pool_run(const struct atm_call *call,
                                     double (*pool)(const struct atm_view *x,
                                                    int64_t at, int64_t n))
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t plane = atm_dims_product(&x->shape, 2, x->shape.rank);
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++)
        atm__put_f(y, i, pool(x, i * plane, plane));
    return ATM_OK;
}
