/* bit_shift.c - BitShift; a shift by the width or more, or by less than 0,
 * leaves nothing but copies of the sign. */
#include "ref/binary.h"

static int64_t left(int64_t a, int64_t b, bool is_unsigned)
{
    (void)is_unsigned;
    return (uint64_t)b > 63 ? 0 : (int64_t)((uint64_t)a << b);
}

static int64_t right(int64_t a, int64_t b, bool is_unsigned)
{
    uint64_t sign = !is_unsigned && a < 0 ? UINT64_MAX : 0;

    if ((uint64_t)b > 63)
        return (int64_t)sign;
    return (int64_t)((((uint64_t)a ^ sign) >> b) ^ sign);
}

static enum atm_status infer(struct atm_call *call)
{
    const char *direction = atm_node_string(call->node, "direction", "");

    if (strcmp(direction, "LEFT") != 0 && strcmp(direction, "RIGHT") != 0)
        return atm_fail(ATM_FORMAT,
                        "attribute direction is neither LEFT nor RIGHT");
    return atm__binary_infer(
        call,
        ATM_TYPES_UNSIGNED | (call->node->opset < 28 ? 0 : ATM_TYPES_SIGNED),
        ATM_DTYPE_NONE);
}

static enum atm_status run(const struct atm_call *call)
{
    const char *direction = atm_node_string(call->node, "direction", "");

    return atm__binary_run(call, NULL,
                           strcmp(direction, "LEFT") == 0 ? left : right);
}

static const struct atm_attr_def attrs[] = {
    {.name = "direction", .kind = ATM_ATTR_STRING, .required = true},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_BitShift = {
    .attrs = attrs, .infer = infer, .run = run};
