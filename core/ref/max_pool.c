/* max_pool.c - MaxPool; the second output is the flat index of each maximum,
 * column-major over space if storage_order says so. */
#include "ref/window.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT | ATM_TYPE(I8) | ATM_TYPE(U8));
    if (!st)
        st = atm_window_infer(call->node, &call->in[0].shape, NULL, &w);
    if (st)
        return st;
    for (i = 0; i < w.rank; i++)
        if (w.begin[i] >= (w.kernel[i] - 1) * w.dilation[i] + 1 ||
            w.end[i] >= (w.kernel[i] - 1) * w.dilation[i] + 1)
            return atm_fail(ATM_FORMAT,
                            "a window would hold nothing but padding");
    y = atm__window_shape(&call->in[0].shape, call->in[0].shape.dim[1], &w);
    atm_set_out(call, 0, call->in[0].dtype, &y);
    atm_set_out(call, 1, ATM_I64, &y);
    return ATM_OK;
}

/* Column-major index over space of a row-major one. */
static int64_t column_major(const struct atm_window *w, int64_t off)
{
    int64_t index[ATM_RANK_MAX], at = 0;
    uint32_t i;

    for (i = w->rank; i-- > 0;) {
        index[i] = off % w->in[i];
        off /= w->in[i];
    }
    for (i = w->rank; i-- > 0;)
        at = at * w->in[i] + index[i];
    return at;
}

static void one(const struct atm_call *call, const struct atm_window *w,
                int64_t x, struct atm__reach *r, int64_t y)
{
    int64_t best = -1;
    double max = -INFINITY;

    while (r->more) {
        int64_t off = atm__reach_next(w, r);
        double v = atm__get_f(&call->in[0], x + off);

        if (best >= 0 && !(v > max) && !isnan(v))
            continue;
        max = v;
        best = off;
        if (isnan(v))
            break;
    }
    atm__put_f(&call->out[0], y, max);
    if (!atm_has_out(call, 1))
        return;
    if (best >= 0 && atm_node_int(call->node, "storage_order", 0))
        best = column_major(w, best);
    atm__put_i(&call->out[1], y, best < 0 ? 0 : x + best);
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
    {.name = "ceil_mode", .kind = ATM_ATTR_INT, .since = 10},
    {.name = "dilations", .kind = ATM_ATTR_INTS, .since = 10},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "storage_order", .kind = ATM_ATTR_INT, .since = 8},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_MaxPool = {
    .attrs = attrs, .infer = infer, .run = run};
