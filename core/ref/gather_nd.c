/* gather_nd.c - GatherND: each tuple along in[1]'s last dimension chooses a
 * slice of in[0], batch by batch. */
#include "ref/index_nd.h"

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    const struct atm_shape *index = &call->in[1].shape;
    int64_t batch = atm_node_int(call->node, "batch_dims", 0), k;
    struct atm_shape y = {.rank = 0};
    enum atm_status st;
    uint32_t i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I64));
    if (st)
        return st;
    if (x->rank < 1 || index->rank < 1 || batch < 0 || batch >= x->rank ||
        batch >= index->rank)
        return atm_fail(ATM_FORMAT, "attribute batch_dims does not fit");
    k = index->dim[index->rank - 1];
    if (k < 1 || k > x->rank - batch)
        return atm_fail(ATM_FORMAT, "the tuples are longer than the rank");
    if (index->rank - 1 + x->rank - (uint32_t)(batch + k) > ATM_RANK_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "the result has more than %d "
                        "dimensions",
                        ATM_RANK_MAX);
    for (i = 0; i < index->rank - 1; i++) {
        if (i < batch && index->dim[i] != x->dim[i])
            return atm_fail(ATM_FORMAT, "the batches differ");
        y.dim[y.rank++] = index->dim[i];
    }
    for (i = (uint32_t)(batch + k); i < x->rank; i++)
        y.dim[y.rank++] = x->dim[i];
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *index = &call->in[1];
    uint32_t batch = (uint32_t)atm_node_int(call->node, "batch_dims", 0);
    int64_t k = index->shape.dim[index->shape.rank - 1], tuples, batches, t;
    int64_t per_batch, slice;
    char *to = call->out[0].data;
    enum atm_status st;
    size_t row;

    if (atm_view_count(&call->out[0]) == 0)
        return ATM_OK;
    tuples = atm_view_count(index) / k;
    batches = atm_dims_product(&x->shape, 0, batch);
    per_batch = atm_dims_product(&x->shape, batch, batch + (uint32_t)k);
    row = (size_t)atm_dims_product(&x->shape, batch + (uint32_t)k,
                                   x->shape.rank) *
          atm_dtype_bytes(x->dtype);
    for (t = 0; t < tuples; t++, to += row) {
        st = atm__index_nd(index, t * k, k, &x->shape, batch, &slice);
        if (st)
            return st;
        slice += t / (tuples / batches) * per_batch;
        memcpy(to, (const char *)x->data + (size_t)slice * row, row);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "batch_dims", .kind = ATM_ATTR_INT, .since = 12}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_GatherND = {
    .attrs = attrs, .infer = infer, .run = run};
