/* cast.c - Cast to the type that attribute `to` names, as C converts;
 * what C leaves undefined (NaN or too large to an integer) is clamped to 64
 * bits first and then wraps. */
#include "ref/cast.h"

#include <inttypes.h>

void atm__cast(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t n = atm_view_count(y), i;

    if (atm__is_float(x->dtype) || atm__is_float(y->dtype))
        for (i = 0; i < n; i++)
            atm__put_f(y, i, atm__get_f(x, i));
    else
        for (i = 0; i < n; i++)
            atm__put_i(y, i, atm__get_i(x, i));
}

static enum atm_status infer(struct atm_call *call)
{
    int64_t to = atm_node_int(call->node, "to", 0);
    enum atm_dtype type = ATM_DTYPE_NONE;
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_ALL);

    if (st)
        return st;
    if (to > 0 && to <= 64)
        type = atm_dtype_from_onnx((int)to);
    if (type == ATM_DTYPE_NONE)
        return atm_fail(ATM_UNSUPPORTED,
                        "type %" PRId64 " of attribute to is not implemented",
                        to);
    atm_set_out(call, 0, type, &call->in[0].shape);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__cast(call);
    return ATM_OK;
}

/* The others are about 8-bit floats, which are refused as types. */
static const struct atm_attr_def attrs[] = {
    {.name = "round_mode", .kind = ATM_ATTR_STRING, .since = 24},
    {.name = "saturate", .kind = ATM_ATTR_INT, .since = 19},
    {.name = "to", .kind = ATM_ATTR_INT, .required = true}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Cast = {
    .attrs = attrs, .infer = infer, .run = run};
