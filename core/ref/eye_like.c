/* eye_like.c - EyeLike: ones on diagonal k of a matrix shaped like in[0]. */
#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    int64_t to = atm_node_int(call->node, "dtype", 0);
    enum atm_dtype type = call->in[0].dtype;

    if (call->in[0].shape.rank != 2)
        return atm_fail(ATM_FORMAT, "the input is no matrix");
    if (atm_node_attr(call->node, "dtype"))
        type =
            to > 0 && to <= 64 ? atm_dtype_from_onnx((int)to) : ATM_DTYPE_NONE;
    if (type == ATM_DTYPE_NONE)
        return atm_fail(ATM_UNSUPPORTED, "the type of attribute dtype is not "
                                         "implemented");
    atm_set_out(call, 0, type, &call->in[0].shape);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t k = atm_node_int(call->node, "k", 0), at = 0;
    const struct atm_view *y = &call->out[0];
    struct atm__walk w;

    for (atm__walk_begin(&w, &y->shape); w.left > 0; atm__walk_next(&w))
        atm__put_f(y, at++, w.index[1] - w.index[0] == k);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "dtype", .kind = ATM_ATTR_INT},
    {.name = "k", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_EyeLike = {
    .attrs = attrs, .infer = infer, .run = run};
