/* arg.c - what ArgMax and ArgMin share. */
#include "ref/arg.h"

const struct atm_attr_def atm__arg_attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "keepdims", .kind = ATM_ATTR_INT},
    {.name = "select_last_index", .kind = ATM_ATTR_INT, .since = 12},
    {.name = NULL}};

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    return atm_axis(atm_node_int(call->node, "axis", 0), call->in[0].shape.rank,
                    axis);
}

enum atm_status atm__arg_infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    bool keep = atm_node_int(call->node, "keepdims", 1) != 0;
    struct atm_shape y = {.rank = 0};
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_type(call, 0, ATM__ARG_TYPES);
    if (!st)
        st = axis_of(call, &axis);
    if (!st && x->dim[axis] == 0)
        st = atm_fail(ATM_FORMAT, "the axis is empty");
    if (st)
        return st;
    for (i = 0; i < x->rank; i++)
        if (i != axis || keep)
            y.dim[y.rank++] = i == axis ? 1 : x->dim[i];
    atm_set_out(call, 0, ATM_I64, &y);
    return ATM_OK;
}

/* Sign of a - b. */
static int compare(const struct atm_view *x, int64_t a, int64_t b)
{
    if (atm__is_float(x->dtype)) {
        double fa = atm__get_f(x, a), fb = atm__get_f(x, b);

        return (fa > fb) - (fa < fb);
    }
    return (atm__get_i(x, a) > atm__get_i(x, b)) -
           (atm__get_i(x, a) < atm__get_i(x, b));
}

enum atm_status atm__arg_run(const struct atm_call *call, int sign)
{
    bool last = atm_node_int(call->node, "select_last_index", 0) != 0;
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t lines = atm_view_count(y), n, step, line, k;
    enum atm_status st;
    uint32_t axis = 0;

    st = axis_of(call, &axis);
    if (st || lines == 0)
        return st;
    n = x->shape.dim[axis];
    step = atm_dims_product(&x->shape, axis + 1, x->shape.rank);
    for (line = 0; line < lines; line++) {
        int64_t at = line / step * n * step + line % step, best = 0;

        for (k = 1; k < n; k++) {
            int order = sign * compare(x, at + k * step, at + best * step);

            if (order > 0 || (last && order == 0))
                best = k;
        }
        atm__put_i(y, line, best);
    }
    return ATM_OK;
}
