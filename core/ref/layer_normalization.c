/* layer_normalization.c - LayerNormalization over the dimensions from `axis`
 * on; mean and inverse deviation are further outputs. */
#include "ref/normalize.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape stat = *x, part = {.rank = 0}, grown;
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_same_type(call, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_axis(atm_node_int(call->node, "axis", -1), x->rank, &axis);
    if (st)
        return st;
    for (i = axis; i < x->rank; i++) {
        part.dim[part.rank++] = x->dim[i];
        stat.dim[i] = 1;
    }
    for (i = 1; i < call->n_in; i++) {
        grown = part;
        if (!atm_has_in(call, i))
            continue;
        st = atm_broadcast(&grown, &call->in[i].shape);
        if (st || !atm_shape_equal(&grown, &part))
            return atm_fail(ATM_FORMAT, "scale or bias does not broadcast "
                                        "into the normalised dimensions");
    }
    atm_set_out(call, 0, call->in[0].dtype, x);
    atm_set_out(call, 1, ATM_F32, &stat);
    atm_set_out(call, 2, ATM_F32, &stat);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    double epsilon = (double)atm_node_float(call->node, "epsilon", 1e-5f);
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    struct atm_shape part = {.rank = 0};
    int64_t outer, inner, o, at = 0;
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_axis(atm_node_int(call->node, "axis", -1), x->shape.rank, &axis);
    if (st || atm_view_count(x) == 0)
        return st;
    for (i = axis; i < x->shape.rank; i++)
        part.dim[part.rank++] = x->shape.dim[i];
    outer = atm_dims_product(&x->shape, 0, axis);
    inner = atm_dims_product(&x->shape, axis, x->shape.rank);
    for (o = 0; o < outer; o++) {
        struct atm__moments m = atm__moments_of(x, at, inner);
        double inverse = 1 / sqrt(m.var + epsilon);
        struct atm__walk w;

        atm__walk_begin(&w, &part);
        atm__walk_broadcast(&w, &call->in[1].shape);
        if (atm_has_in(call, 2))
            atm__walk_broadcast(&w, &call->in[2].shape);
        for (; w.left > 0; atm__walk_next(&w), at++)
            atm__put_f(y, at,
                       (atm__get_f(x, at) - m.mean) * inverse *
                               atm__get_f(&call->in[1], w.at[0]) +
                           (atm_has_in(call, 2)
                                ? atm__get_f(&call->in[2], w.at[1])
                                : 0));
        if (atm_has_out(call, 1))
            atm__put_f(&call->out[1], o, m.mean);
        if (atm_has_out(call, 2))
            atm__put_f(&call->out[2], o, inverse);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "epsilon", .kind = ATM_ATTR_FLOAT},
    {.name = "stash_type", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LayerNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
