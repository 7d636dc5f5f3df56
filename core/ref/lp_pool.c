/* lp_pool.c - LpPool: the p-norm of a window. */
#include "ref/window.h"

#include <inttypes.h>
#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t p = atm_node_int(call->node, "p", 2);
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_window_infer(call->node, &call->in[0].shape, NULL, &w);
    if (!st && p < 1)
        st = atm_fail(ATM_FORMAT, "attribute p is %" PRId64, p);
    if (st)
        return st;
    y = atm__window_shape(&call->in[0].shape, call->in[0].shape.dim[1], &w);
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static void one(const struct atm_call *call, const struct atm_window *w,
                int64_t x, struct atm__reach *r, int64_t y)
{
    double p = (double)atm_node_int(call->node, "p", 2), sum = 0;

    while (r->more)
        sum +=
            pow(fabs(atm__get_f(&call->in[0], x + atm__reach_next(w, r))), p);
    atm__put_f(&call->out[0], y, pow(sum, 1 / p));
}

static enum atm_status run(const struct atm_call *call)
{
    struct atm_window w;
    enum atm_status st;

    st = atm_window_infer(call->node, &call->in[0].shape, NULL, &w);
    return st ? st : atm__window_run(call, &w, one);
}

static const struct atm_attr_def attrs[] = {
    {.name = "auto_pad", .kind = ATM_ATTR_STRING},
    {.name = "ceil_mode", .kind = ATM_ATTR_INT, .since = 18},
    {.name = "dilations", .kind = ATM_ATTR_INTS, .since = 18},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "p", .kind = ATM_ATTR_INT},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LpPool = {
    .attrs = attrs, .infer = infer, .run = run};
