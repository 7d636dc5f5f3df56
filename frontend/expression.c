/* expression.c - nodes of an expansion, written like an expression. */
#include "expand.h"

uint32_t atm__expr_node(struct atm__expr *e, const char *op,
                        const struct atm_attr *attr, size_t n,
                        const uint32_t *in)
{
    uint32_t out = ATM_NONE;

    if (!e->st)
        e->st = atm__site_new(e->at, op, (uint32_t)n, in, attr, &out);
    return out;
}

uint32_t atm__expr_cast(struct atm__expr *e, uint32_t x, enum atm_dtype dtype)
{
    const struct atm_attr to = {
        .name = "to", .kind = ATM_ATTR_INT, .i = atm_dtype_to_onnx(dtype)};

    return atm__expr_node(e, "Cast", &to, ATM__IN(x));
}

uint32_t atm__expr_number(struct atm__expr *e, float x, enum atm_dtype dtype)
{
    uint32_t id = ATM_NONE;

    if (!e->st)
        e->st = atm__site_constant(e->at, ATM_F32, 0, 1, &x, &id);
    return dtype == ATM_F32 ? id : atm__expr_cast(e, id, dtype);
}
