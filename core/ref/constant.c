/* constant.c - Constant: the value of its one attribute. */
#include "ref/elem.h"

static const struct atm_attr_def attrs[] = {
    {.name = "value", .kind = ATM_ATTR_TENSOR},
    {.name = "value_float", .kind = ATM_ATTR_FLOAT, .since = 12},
    {.name = "value_floats", .kind = ATM_ATTR_FLOATS, .since = 12},
    {.name = "value_int", .kind = ATM_ATTR_INT, .since = 12},
    {.name = "value_ints", .kind = ATM_ATTR_INTS, .since = 12},
    {.name = "value_string", .kind = ATM_ATTR_STRING, .since = 12},
    {.name = "value_strings", .kind = ATM_ATTR_STRINGS, .since = 12},
    {.name = NULL}};

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_attr *a = call->node->attr;
    struct atm_shape y = {.rank = 0};
    const struct atm_value *v;

    if (call->node->n_attr != 1)
        return atm_fail(ATM_FORMAT, "exactly one attribute holds the value");
    switch (a->kind) {
    case ATM_ATTR_TENSOR:
        if (!call->graph || a->value >= call->graph->n_values)
            return atm_fail(ATM_FORMAT, "attribute value is missing");
        v = &call->graph->value[a->value];
        atm_set_out(call, 0, v->dtype, &v->shape);
        return ATM_OK;
    case ATM_ATTR_FLOAT:
    case ATM_ATTR_INT:
        atm_set_out(call, 0, a->kind == ATM_ATTR_INT ? ATM_I64 : ATM_F32, &y);
        return ATM_OK;
    case ATM_ATTR_FLOATS:
    case ATM_ATTR_INTS:
        y.rank = 1;
        y.dim[0] = (int64_t)a->n;
        atm_set_out(call, 0, a->kind == ATM_ATTR_INTS ? ATM_I64 : ATM_F32, &y);
        return ATM_OK;
    default:
        return atm_fail(ATM_UNSUPPORTED, "strings are not implemented");
    }
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_attr *a = call->node->attr;
    const struct atm_view *y = &call->out[0];
    size_t n = (size_t)atm_view_count(y) * atm_dtype_bytes(y->dtype);

    switch (a->kind) {
    case ATM_ATTR_TENSOR:
        return atm_constant_read(call->graph, a->value, 0, n, y->data);
    case ATM_ATTR_FLOAT:
        memcpy(y->data, &a->f, n);
        break;
    case ATM_ATTR_INT:
        memcpy(y->data, &a->i, n);
        break;
    default:
        if (n > 0)
            memcpy(y->data,
                   a->kind == ATM_ATTR_INTS ? (const void *)a->ints
                                            : (const void *)a->floats,
                   n);
        break;
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Constant = {
    .attrs = attrs, .infer = infer, .run = run};
