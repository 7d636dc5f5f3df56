/* clip.c - Clip: min(max(x, lo), hi); bounds are attributes before opset 11
 * and scalar inputs since. As in numpy, hi wins where lo > hi. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st;
    uint32_t i;

    if (call->node->opset < 11 && call->n_in > 1)
        return atm_fail(ATM_FORMAT, "bounds are attributes before opset 11");
    st = atm_infer_same(call, ATM_TYPES_NUMBER);
    for (i = 1; !st && i < call->n_in; i++)
        if (atm_has_in(call, i) && atm_view_count(&call->in[i]) != 1)
            st = atm_fail(ATM_FORMAT, "a bound is no scalar");
    return st;
}

static void clip_float(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    double lo = (double)atm_node_float(call->node, "min", -INFINITY);
    double hi = (double)atm_node_float(call->node, "max", INFINITY);
    int64_t n = atm_view_count(y), i;

    if (atm_has_in(call, 1))
        lo = atm__get_f(&call->in[1], 0);
    if (atm_has_in(call, 2))
        hi = atm__get_f(&call->in[2], 0);
    for (i = 0; i < n; i++) {
        double v = atm__get_f(x, i);

        v = v < lo ? lo : v;
        atm__put_f(y, i, v > hi ? hi : v);
    }
}

/* a < b in the order of the type; uint64 arrives as its bit pattern. */
static bool less(enum atm_dtype t, int64_t a, int64_t b)
{
    return t == ATM_U64 ? (uint64_t)a < (uint64_t)b : a < b;
}

static void clip_int(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    bool has_lo = atm_has_in(call, 1), has_hi = atm_has_in(call, 2);
    int64_t lo = has_lo ? atm__get_i(&call->in[1], 0) : 0;
    int64_t hi = has_hi ? atm__get_i(&call->in[2], 0) : 0;
    int64_t n = atm_view_count(y), i;

    for (i = 0; i < n; i++) {
        int64_t v = atm__get_i(x, i);

        v = has_lo && less(x->dtype, v, lo) ? lo : v;
        atm__put_i(y, i, has_hi && less(x->dtype, hi, v) ? hi : v);
    }
}

static enum atm_status run(const struct atm_call *call)
{
    if (atm__is_float(call->in[0].dtype))
        clip_float(call);
    else
        clip_int(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "min", .kind = ATM_ATTR_FLOAT, .until = 10},
    {.name = "max", .kind = ATM_ATTR_FLOAT, .until = 10},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Clip = {
    .attrs = attrs, .infer = infer, .run = run};
