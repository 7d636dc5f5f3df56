/* lp_normalization.c - LpNormalization: x divided by its L1 or L2 norm along
 * an axis; 0 where the norm is. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t p = atm_node_int(call->node, "p", 2);
    enum atm_status st;
    uint32_t axis;

    if (p != 1 && p != 2)
        return atm_fail(ATM_FORMAT, "attribute p is neither 1 nor 2");
    st = atm_axis(atm_node_int(call->node, "axis", -1), call->in[0].shape.rank,
                  &axis);
    return st ? st : atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    bool l1 = atm_node_int(call->node, "p", 2) == 1;
    int64_t outer, n, step, line, k;
    enum atm_status st;
    uint32_t axis = 0;

    st = atm_axis(atm_node_int(call->node, "axis", -1), x->shape.rank, &axis);
    if (st || atm_view_count(x) == 0)
        return st;
    outer = atm_dims_product(&x->shape, 0, axis);
    n = x->shape.dim[axis];
    step = atm_dims_product(&x->shape, axis + 1, x->shape.rank);
    for (line = 0; line < outer * step; line++) {
        int64_t at = line / step * n * step + line % step;
        double sum = 0;

        for (k = 0; k < n; k++) {
            double v = fabs(atm__get_f(x, at + k * step));

            sum += l1 ? v : v * v;
        }
        sum = l1 ? sum : sqrt(sum);
        for (k = 0; k < n; k++)
            atm__put_f(y, at + k * step,
                       sum == 0 ? 0 : atm__get_f(x, at + k * step) / sum);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "p", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_LpNormalization = {
    .attrs = attrs, .infer = infer, .run = run};
