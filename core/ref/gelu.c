/* gelu.c - Gelu: x times the normal distribution function of x, or its
 * approximation by tanh. */
#include "ref/unary.h"

#include <math.h>

static double exact(double x, const double *p)
{
    (void)p;
    return 0.5 * x * erfc(-x * 0.70710678118654752440);
}

static double approximate(double x, const double *p)
{
    (void)p;
    return 0.5 * x *
           (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static bool by_tanh(const struct atm_call *call)
{
    return strcmp(atm_node_string(call->node, "approximate", "none"), "tanh") ==
           0;
}

static enum atm_status infer(struct atm_call *call)
{
    if (!by_tanh(call) &&
        strcmp(atm_node_string(call->node, "approximate", "none"), "none") != 0)
        return atm_fail(ATM_FORMAT,
                        "attribute approximate is neither none nor tanh");
    return atm_infer_same(call, ATM_TYPES_FLOAT);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__unary_run(call, by_tanh(call) ? approximate : exact, NULL,
                          NULL);
}

static const struct atm_attr_def attrs[] = {
    {.name = "approximate", .kind = ATM_ATTR_STRING}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Gelu = {
    .attrs = attrs, .infer = infer, .run = run};
