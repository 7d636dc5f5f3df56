/* mod.c - Mod: with the divisor's sign, or C's fmod if the attribute says so;
 * x mod 0 = 0 for integers, as numpy has it. */
#include "ref/binary.h"

#include <math.h>

static int64_t mod_i(int64_t a, int64_t b, bool is_unsigned)
{
    int64_t r;

    if (b == 0 || b == -1)
        return b && is_unsigned ? (int64_t)((uint64_t)a % (uint64_t)b) : 0;
    if (is_unsigned)
        return (int64_t)((uint64_t)a % (uint64_t)b);
    r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t fmod_i(int64_t a, int64_t b, bool is_unsigned)
{
    if (is_unsigned)
        return b ? (int64_t)((uint64_t)a % (uint64_t)b) : 0;
    return b == 0 || b == -1 ? 0 : a % b;
}

/* The remainder with the divisor's sign; a zero takes it too. */
static double mod_f(double a, double b)
{
    double r = fmod(a, b);

    if (r == 0)
        return copysign(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

static enum atm_status infer(struct atm_call *call)
{
    if (call->node->opset < 28 && !atm_node_int(call->node, "fmod", 0) &&
        atm__is_float(call->in[0].dtype))
        return atm_fail(ATM_FORMAT, "floating types need attribute fmod=1 "
                                    "before opset 28");
    return atm__binary_infer(call, ATM_TYPES_NUMBER, ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    bool c = atm_node_int(call->node, "fmod", 0) != 0;

    return atm__binary_run(call, c ? fmod : mod_f, c ? fmod_i : mod_i);
}

static const struct atm_attr_def attrs[] = {
    {.name = "fmod", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_Mod = {
    .attrs = attrs, .infer = infer, .run = run};
