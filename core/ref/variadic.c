/* variadic.c - elementwise operators of one or more broadcast inputs. */
#include "ref/variadic.h"

enum atm_status atm__variadic_infer(struct atm_call *call, uint32_t types)
{
    struct atm_shape y = call->in[0].shape;
    enum atm_status st = atm_need_same_type(call, types);
    uint32_t i;

    for (i = 1; !st && i < call->n_in; i++)
        st = atm_broadcast(&y, &call->in[i].shape);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

enum atm_status
atm__variadic_run(const struct atm_call *call, double (*f)(double, double),
                  int64_t (*i)(int64_t, int64_t, bool is_unsigned))
{
    const struct atm_view *y = &call->out[0];
    bool floating = atm__is_float(y->dtype), u64 = y->dtype == ATM_U64;
    uint32_t k;

    for (k = 0; k < call->n_in; k++) {
        const struct atm_view *x = &call->in[k];
        struct atm__walk w;
        int64_t at;

        atm__walk_begin(&w, &y->shape);
        atm__walk_broadcast(&w, &x->shape);
        for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
            if (k == 0)
                atm__move(y, at, x, w.at[0]);
            else if (floating)
                atm__put_f(y, at, f(atm__get_f(y, at), atm__get_f(x, w.at[0])));
            else
                atm__put_i(y, at,
                           i(atm__get_i(y, at), atm__get_i(x, w.at[0]), u64));
        }
    }
    return ATM_OK;
}
