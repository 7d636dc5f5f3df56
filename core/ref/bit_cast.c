/* bit_cast.c - BitCast: the same bytes as another type of the same width. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t to = atm_node_int(call->node, "to", 0);
    enum atm_dtype type =
        to > 0 && to <= 64 ? atm_dtype_from_onnx((int)to) : ATM_DTYPE_NONE;
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (st)
        return st;
    if (type == ATM_DTYPE_NONE)
        return atm_fail(ATM_UNSUPPORTED,
                        "type %" PRId64 " of attribute to is not implemented",
                        to);
    if (atm_dtype_bytes(type) != atm_dtype_bytes(call->in[0].dtype))
        return atm_fail(ATM_FORMAT, "%s and %s differ in width",
                        atm_dtype_name(call->in[0].dtype),
                        atm_dtype_name(type));
    atm_set_out(call, 0, type, &call->in[0].shape);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__copy_view(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "to", .kind = ATM_ATTR_INT, .required = true}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_BitCast = {
    .attrs = attrs, .infer = infer, .run = run};
