/* compress.c - Compress: the slices along an axis, or the elements, whose
 * condition is true. Conditions beyond the end of the axis count for nothing,
 * and a slice without one is left out. */
#include "ref/elem.h"

/* Slices: `outer` groups of `n` with `inner` elements each. */
static enum atm_status dims_of(const struct atm_call *call, int64_t *outer,
                               int64_t *n, int64_t *inner, uint32_t *axis)
{
    const struct atm_attr *a = atm_node_attr(call->node, "axis");
    const struct atm_shape *x = &call->in[0].shape;
    enum atm_status st;

    *outer = *inner = 1;
    *n = atm_view_count(&call->in[0]);
    *axis = 0;
    if (!a)
        return ATM_OK;
    st = atm_axis(a->i, x->rank, axis);
    if (st)
        return st;
    *outer = atm_dims_product(x, 0, *axis);
    *n = x->dim[*axis];
    *inner = atm_dims_product(x, *axis + 1, x->rank);
    return ATM_OK;
}

/* True conditions among the first n; all n where they are not known. */
static int64_t kept(const struct atm_view *condition, int64_t n)
{
    int64_t count = 0, i, given = condition->shape.dim[0];

    n = given < n ? given : n;
    for (i = 0; condition->data && i < n; i++)
        count += atm__get_i(condition, i) != 0;
    return condition->data ? count : n;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    int64_t outer, n, inner;
    enum atm_status st;
    uint32_t axis;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(BOOL));
    if (!st && call->in[1].shape.rank != 1)
        st = atm_fail(ATM_FORMAT, "input 1 (condition) is no list");
    if (!st)
        st = dims_of(call, &outer, &n, &inner, &axis);
    if (st)
        return st;
    if (!atm_node_attr(call->node, "axis"))
        y.rank = 1;
    y.dim[axis] = kept(&call->in[1], n);
    y.bound = !call->in[1].data;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t given = call->in[1].shape.dim[0], outer, n, inner, o, k, i, to = 0;
    enum atm_status st;
    uint32_t axis;

    st = dims_of(call, &outer, &n, &inner, &axis);
    if (!st && kept(&call->in[1], n) != call->out[0].shape.dim[axis])
        st = atm_fail(ATM_FORMAT, "the condition changed after inference");
    for (o = 0; !st && o < outer; o++)
        for (k = 0; k < n && k < given; k++)
            for (i = 0; atm__get_i(&call->in[1], k) && i < inner; i++)
                atm__move(&call->out[0], to++, &call->in[0],
                          (o * n + k) * inner + i);
    return st;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Compress = {
    .attrs = attrs, .infer = infer, .run = run};
