/* reverse_sequence.c - ReverseSequence: of each sequence of the batch the
 * first in[1][i] elements are turned round. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status axes_of(const struct atm_call *call, uint32_t *batch,
                               uint32_t *time)
{
    int64_t b = atm_node_int(call->node, "batch_axis", 1);
    int64_t t = atm_node_int(call->node, "time_axis", 0);

    if (!((b == 0 && t == 1) || (b == 1 && t == 0)))
        return atm_fail(ATM_FORMAT, "batch_axis and time_axis are not 0 and 1 "
                                    "in some order");
    *batch = (uint32_t)b;
    *time = (uint32_t)t;
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint32_t batch = 0, time = 0;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = atm_need_type(call, 1, ATM_TYPE(I64));
    if (!st)
        st = atm_need_rank(call, 0, 2);
    if (!st)
        st = axes_of(call, &batch, &time);
    if (!st && (call->in[1].shape.rank != 1 ||
                call->in[1].shape.dim[0] != x->dim[batch]))
        st = atm_fail(ATM_FORMAT, "input 1 needs a length for each of the "
                                  "batch");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, x);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t inner = atm_dims_product(&x->shape, 2, x->shape.rank), i;
    int64_t at[2], n = atm_view_count(y), len;
    uint32_t batch = 0, time = 0;
    enum atm_status st = axes_of(call, &batch, &time);

    for (i = 0; !st && i < n; i++) {
        int64_t row = i / inner;

        at[0] = row / x->shape.dim[1];
        at[1] = row % x->shape.dim[1];
        len = atm__get_i(&call->in[1], at[batch]);
        if (len < 0 || len > x->shape.dim[time])
            return atm_fail(ATM_FORMAT,
                            "a sequence of %" PRId64 " elements, there are "
                            "%" PRId64,
                            len, x->shape.dim[time]);
        if (at[time] < len)
            at[time] = len - 1 - at[time];
        atm__move(y, i, x,
                  (at[0] * x->shape.dim[1] + at[1]) * inner + i % inner);
    }
    return st;
}

static const struct atm_attr_def attrs[] = {
    {.name = "batch_axis", .kind = ATM_ATTR_INT},
    {.name = "time_axis", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_ReverseSequence = {
    .attrs = attrs, .infer = infer, .run = run};
