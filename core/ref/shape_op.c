/* shape_op.c - Shape: the input's dimensions [start, end) as int64. */
#include "ref/elem.h"

/* Out-of-range bounds are clamped, as ONNX says. */
static int64_t bound(const struct atm_call *call, const char *name,
                     int64_t dflt)
{
    int64_t rank = call->in[0].shape.rank;
    int64_t at = atm_node_int(call->node, name, dflt);

    if (at < -rank)
        return 0;
    if (at < 0)
        return at + rank;
    return at > rank ? rank : at;
}

static enum atm_status infer(struct atm_call *call)
{
    int64_t rank = call->in[0].shape.rank;
    int64_t first = bound(call, "start", 0), end = bound(call, "end", rank);
    struct atm_shape y = {.rank = 1};

    y.dim[0] = end > first ? end - first : 0;
    atm_set_out(call, 0, ATM_I64, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    int64_t first = bound(call, "start", 0), i;

    for (i = 0; i < y->shape.dim[0]; i++)
        atm__put_i(y, i, call->in[0].shape.dim[first + i]);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "start", .kind = ATM_ATTR_INT, .since = 15},
    {.name = "end", .kind = ATM_ATTR_INT, .since = 15},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Shape = {
    .attrs = attrs, .infer = infer, .run = run};
