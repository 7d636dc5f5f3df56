/* unary.c - elementwise operators of one input. */
#include "ref/unary.h"

enum atm_status atm__unary_run(const struct atm_call *call,
                               double (*f)(double x, const double *p),
                               int64_t (*i)(int64_t x), const double *p)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t n = atm_view_count(y), at;

    if (atm__is_float(x->dtype))
        for (at = 0; at < n; at++)
            atm__put_f(y, at, f(atm__get_f(x, at), p));
    else
        for (at = 0; at < n; at++)
            atm__put_i(y, at, i(atm__get_i(x, at)));
    return ATM_OK;
}
