/* scatter_nd.c - ScatterND: each tuple along in[1]'s last dimension says which
 * slice of a copy of in[0] takes the next slice of in[2]. */
#include "ref/index_nd.h"
#include "ref/scatter.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_shape *index = &call->in[1].shape;
    struct atm_shape want = {.rank = 0};
    enum atm__scatter how;
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I64));
    if (!st)
        st = atm__scatter_of(call->node, &how);
    if (st)
        return st;
    if (index->rank < 1 || index->dim[index->rank - 1] < 1 ||
        index->dim[index->rank - 1] > x->rank)
        return atm_fail(ATM_FORMAT, "the tuples are longer than the rank");
    i = (uint32_t)index->dim[index->rank - 1];
    if (index->rank - 1 + x->rank - i > ATM_RANK_MAX)
        return atm_fail(ATM_UNSUPPORTED, "more than %d dimensions",
                        ATM_RANK_MAX);
    want = *index;
    want.rank--;
    for (; i < x->rank; i++)
        want.dim[want.rank++] = x->dim[i];
    if (call->in[2].dtype != call->in[0].dtype ||
        !atm_shape_equal(&want, &call->in[2].shape))
        return atm_fail(ATM_FORMAT, "indices and updates do not fit together");
    atm_set_out(call, 0, call->in[0].dtype, x);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *index = &call->in[1], *y = &call->out[0];
    int64_t k = index->shape.dim[index->shape.rank - 1];
    int64_t tuples = atm_view_count(index) / k, row, slice, t, i;
    enum atm__scatter how;
    enum atm_status st;

    st = atm__scatter_of(call->node, &how);
    if (st || atm_view_count(y) == 0)
        return st;
    atm__copy_view(call);
    row = atm_dims_product(&y->shape, (uint32_t)k, y->shape.rank);
    for (t = 0; t < tuples; t++) {
        st = atm__index_nd(index, t * k, k, &y->shape, 0, &slice);
        if (st)
            return st;
        for (i = 0; i < row; i++)
            atm__scatter_one(how, y, slice * row + i, &call->in[2],
                             t * row + i);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "reduction", .kind = ATM_ATTR_STRING, .since = 16},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_ScatterND = {
    .attrs = attrs, .infer = infer, .run = run};
