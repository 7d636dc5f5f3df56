/* binary.c - elementwise operators of two broadcast inputs. */
#include "ref/binary.h"

enum atm_status atm__binary_infer(struct atm_call *call, uint32_t types,
                                  enum atm_dtype out)
{
    struct atm_shape y = call->in[0].shape, b;
    enum atm_status st;

    st = atm_need_same_type(call, types);
    if (!st)
        st = atm_legacy_broadcast(call, &b);
    if (!st)
        st = atm_broadcast(&y, &b);
    if (!st)
        atm_set_out(call, 0, out ? out : call->in[0].dtype, &y);
    return st;
}

enum atm_status
atm__binary_run(const struct atm_call *call, double (*f)(double, double),
                int64_t (*i)(int64_t, int64_t, bool is_unsigned))
{
    const struct atm_view *a = &call->in[0], *b = &call->in[1];
    const struct atm_view *y = &call->out[0];
    struct atm_shape b_shape;
    struct atm__walk w;
    enum atm_status st;
    bool u64 = a->dtype == ATM_U64;
    int64_t at = 0;

    st = atm_legacy_broadcast(call, &b_shape);
    if (st)
        return st;
    atm__walk_begin(&w, &y->shape);
    atm__walk_broadcast(&w, &a->shape);
    atm__walk_broadcast(&w, &b_shape);
    if (atm__is_float(a->dtype))
        for (; w.left > 0; atm__walk_next(&w))
            atm__put_f(y, at++,
                       f(atm__get_f(a, w.at[0]), atm__get_f(b, w.at[1])));
    else
        for (; w.left > 0; atm__walk_next(&w))
            atm__put_i(y, at++,
                       i(atm__get_i(a, w.at[0]), atm__get_i(b, w.at[1]), u64));
    return ATM_OK;
}
