/* mean_variance_normalization.c - MeanVarianceNormalization:
 * (x - mean) / (deviation + 1e-9) over the dimensions in `axes`. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status axes_of(const struct atm_call *call, uint32_t *set)
{
    int64_t axes[ATM_RANK_MAX] = {0, 2, 3};
    enum atm_status st;
    uint32_t n = 3;

    if (atm_node_attr(call->node, "axes")) {
        st = atm_attr_ints(call->node, "axes", ATM_RANK_MAX, axes, &n);
        if (st)
            return st;
    }
    return atm_axes(axes, n, call->in[0].shape.rank, set);
}

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st;
    uint32_t set;

    st = atm_infer_same(call, ATM_TYPES_FLOAT);
    return st ? st : axes_of(call, &set);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct atm_shape outer = x->shape, inner = x->shape;
    int64_t stride[ATM_RANK_MAX];
    struct atm__walk w, in;
    enum atm_status st;
    uint32_t set = 0, i;

    st = axes_of(call, &set);
    if (st)
        return st;
    for (i = 0; i < x->shape.rank; i++)
        *(set >> i & 1 ? &outer.dim[i] : &inner.dim[i]) = 1;
    if (atm_view_count(x) == 0)
        return ATM_OK;
    atm__strides(&x->shape, stride);
    atm__walk_begin(&w, &outer);
    atm__walk_strided(&w, 0, stride);
    for (; w.left > 0; atm__walk_next(&w)) {
        double n, mean = 0, var = 0, d;

        atm__walk_begin(&in, &inner);
        n = (double)in.left;
        for (atm__walk_strided(&in, w.at[0], stride); in.left > 0;
             atm__walk_next(&in))
            mean += atm__get_f(x, in.at[0]) / n;
        atm__walk_begin(&in, &inner);
        for (atm__walk_strided(&in, w.at[0], stride); in.left > 0;
             atm__walk_next(&in)) {
            d = atm__get_f(x, in.at[0]) - mean;
            var += d * d / n;
        }
        atm__walk_begin(&in, &inner);
        for (atm__walk_strided(&in, w.at[0], stride); in.left > 0;
             atm__walk_next(&in))
            atm__put_f(y, in.at[0],
                       (atm__get_f(x, in.at[0]) - mean) / (sqrt(var) + 1e-9));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axes", .kind = ATM_ATTR_INTS}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_MeanVarianceNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
