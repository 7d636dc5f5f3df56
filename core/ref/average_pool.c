/* average_pool.c - AveragePool: the mean of a window, with count_include_pad
 * over the padding too (but never over what ceil_mode adds behind it). */
#include "ref/window.h"

static enum atm_status infer(struct atm_call *call)
{
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
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
    return ATM_OK;
}

/* Elements of the window inside the padded image. */
static double padded_count(const struct atm_window *w,
                           const struct atm__reach *r)
{
    double n = 1;
    uint32_t i;

    for (i = 0; i < w->rank; i++) {
        int64_t last = w->in[i] + w->end[i] - 1 - r->corner[i];
        int64_t fit = last / w->dilation[i] + 1;

        n *= (double)(fit < w->kernel[i] ? fit : w->kernel[i]);
    }
    return n;
}

static void one(const struct atm_call *call, const struct atm_window *w,
                int64_t x, struct atm__reach *r, int64_t y)
{
    double sum = 0, n = 0;

    for (; r->more; n++)
        sum += atm__get_f(&call->in[0], x + atm__reach_next(w, r));
    if (atm_node_int(call->node, "count_include_pad", 0))
        n = padded_count(w, r);
    atm__put_f(&call->out[0], y, n > 0 ? sum / n : 0);
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
    {.name = "count_include_pad", .kind = ATM_ATTR_INT, .since = 7},
    {.name = "dilations", .kind = ATM_ATTR_INTS, .since = 19},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS, .required = true},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_AveragePool = {
    .attrs = attrs, .infer = infer, .run = run};
