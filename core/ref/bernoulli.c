/* bernoulli.c - Bernoulli: 1 with the probability that the element says. */
#include "ref/random.h"

static enum atm_status infer(struct atm_call *call)
{
    int64_t code = atm_node_int(call->node, "dtype", 0);
    enum atm_status st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    enum atm_dtype type = call->in[0].dtype;

    if (st)
        return st;
    if (atm_node_attr(call->node, "dtype"))
        type = code > 0 && code <= 64 ? atm_dtype_from_onnx((int)code)
                                      : ATM_DTYPE_NONE;
    if (!atm_type_in(type, ATM_TYPES_ALL))
        return atm_fail(ATM_UNSUPPORTED, "the type of attribute dtype is not "
                                         "implemented");
    atm_set_out(call, 0, type, &call->in[0].shape);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    int64_t n = atm_view_count(&call->out[0]), i;
    uint64_t seed = atm__random_seed(call);

    for (i = 0; i < n; i++)
        atm__put_f(&call->out[0], i,
                   atm_rng_f64(seed, (uint64_t)i) <
                       atm__get_f(&call->in[0], i));
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "dtype", .kind = ATM_ATTR_INT},
    {.name = "seed", .kind = ATM_ATTR_FLOAT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Bernoulli = {
    .attrs = attrs, .infer = infer, .run = run};
