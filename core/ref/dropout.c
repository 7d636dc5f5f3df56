/* dropout.c - Dropout at inference: identity, with a mask of ones if wanted.
 * Training with a ratio above 0 draws random numbers and is refused. */
#include "ref/elem.h"

/* True also where the model does not say: better refused than wrong. */
static enum atm_status refuse_training(const struct atm_call *call)
{
    const struct atm_view *mode = &call->in[2], *ratio = &call->in[1];
    bool zero_ratio = false;

    if (call->node->opset < 7 && !atm_node_int(call->node, "is_test", 0))
        return atm_fail(ATM_UNSUPPORTED,
                        "training mode (is_test is 0); only inference is "
                        "implemented");
    if (!atm_has_in(call, 2))
        return ATM_OK;
    if (mode->dtype != ATM_BOOL || atm_view_count(mode) != 1)
        return atm_fail(ATM_FORMAT, "input 2 (training_mode) is no bool");
    if (!mode->data)
        return atm_fail(ATM_UNSUPPORTED,
                        "input 2 (training_mode) must be a constant");
    if (atm_has_in(call, 1) && atm_view_count(ratio) == 1 && ratio->data)
        zero_ratio = atm__get_f(ratio, 0) == 0;
    if (atm__get_i(mode, 0) && !zero_ratio)
        return atm_fail(ATM_UNSUPPORTED,
                        "training mode; only inference is implemented");
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_FLOAT);

    if (!st && call->node->opset < 12 && call->n_in > 1)
        st = atm_fail(ATM_FORMAT, "ratio is an attribute before opset 12");
    if (!st)
        st = refuse_training(call);
    if (st)
        return st;
    atm_set_out(call, 0, call->in[0].dtype, &call->in[0].shape);
    atm_set_out(call, 1, call->node->opset < 10 ? call->in[0].dtype : ATM_BOOL,
                &call->in[0].shape);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t n = atm_view_count(&call->out[0]), i;

    atm__copy_view(call);
    if (atm_has_out(call, 1))
        for (i = 0; i < n; i++)
            atm__put_f(&call->out[1], i, 1);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "ratio", .kind = ATM_ATTR_FLOAT, .until = 11},
    {.name = "seed", .kind = ATM_ATTR_INT, .since = 12},
    {.name = "is_test", .kind = ATM_ATTR_INT, .until = 6},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 5},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Dropout = {
    .attrs = attrs, .infer = infer, .run = run};
