/* range.c - Range: start, start + delta, ... below (or above) limit. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status count_int(const struct atm_call *call, int64_t *n)
{
    int64_t start = atm__get_i(&call->in[0], 0);
    int64_t limit = atm__get_i(&call->in[1], 0);
    int64_t delta = atm__get_i(&call->in[2], 0);
    uint64_t span, step;

    if (delta == 0)
        return atm_fail(ATM_FORMAT, "delta is 0");
    *n = 0;
    if (delta > 0 ? start >= limit : start <= limit)
        return ATM_OK;
    span = delta > 0 ? (uint64_t)limit - (uint64_t)start
                     : (uint64_t)start - (uint64_t)limit;
    step = delta > 0 ? (uint64_t)delta : -(uint64_t)delta;
    span = (span - 1) / step + 1;
    *n = span > INT64_MAX ? INT64_MAX : (int64_t)span;
    return ATM_OK;
}

static enum atm_status count_float(const struct atm_call *call, int64_t *n)
{
    double start = atm__get_f(&call->in[0], 0);
    double limit = atm__get_f(&call->in[1], 0);
    double delta = atm__get_f(&call->in[2], 0);
    double count = ceil((limit - start) / delta);

    if (!(fabs(count) < 4611686018427387904.0) || !isfinite(delta))
        return atm_fail(ATM_FORMAT, "start, limit and delta give no number "
                                    "of elements");
    *n = count > 0 ? (int64_t)count : 0;
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 1};
    enum atm_status st;
    uint32_t i;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT | ATM_TYPES_SIGNED);
    for (i = 0; !st && i < 3; i++) {
        if (atm_view_count(&call->in[i]) != 1)
            st = atm_fail(ATM_FORMAT, "an input is no scalar");
        else if (!call->in[i].data)
            st = atm_fail(ATM_UNSUPPORTED, "start, limit and delta decide a "
                                           "shape and must be constants");
    }
    if (!st)
        st = (atm__is_float(call->in[0].dtype) ? count_float
                                               : count_int)(call, &y.dim[0]);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &y);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++) {
        if (atm__is_float(y->dtype))
            atm__put_f(y, i,
                       atm__get_f(&call->in[0], 0) +
                           (double)i * atm__get_f(&call->in[2], 0));
        else
            atm__put_i(
                y, i,
                (int64_t)((uint64_t)atm__get_i(&call->in[0], 0) +
                          (uint64_t)i * (uint64_t)atm__get_i(&call->in[2], 0)));
    }
    return ATM_OK;
}

/* What is computed in between is double here, whatever stash_type says. */
static const struct atm_attr_def attrs[] = {
    {.name = "stash_type", .kind = ATM_ATTR_INT, .since = 27}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Range = {
    .attrs = attrs, .infer = infer, .run = run};
