/* reshape.c - Reshape: 0 copies a dimension (unless allowzero), one -1 takes
 * what is left. The shape is an attribute before opset 5. */
#include "ref/elem.h"

#include "checked.h"

#include <inttypes.h>

static enum atm_status wanted(const struct atm_call *call, int64_t *dims,
                              uint32_t *rank)
{
    if (call->node->opset >= 5) {
        if (!atm_has_in(call, 1))
            return atm_fail(ATM_FORMAT, "input 1 (shape) is missing");
        return atm_need_ints(call, 1, "shape", ATM_RANK_MAX, dims, rank);
    }
    if (call->n_in > 1)
        return atm_fail(ATM_FORMAT, "shape is an attribute before opset 5");
    return atm_attr_ints(call->node, "shape", ATM_RANK_MAX, dims, rank);
}

/* Fills the dimensions of `y`; *open is that of the -1, or the rank. */
static enum atm_status copy_dims(const struct atm_call *call,
                                 const int64_t *dims, struct atm_shape *y,
                                 uint32_t *open)
{
    const struct atm_shape *x = &call->in[0].shape;
    bool allowzero = atm_node_int(call->node, "allowzero", 0) != 0;
    bool zero = false;
    uint32_t i;

    *open = y->rank;
    for (i = 0; i < y->rank; i++) {
        y->dim[i] = dims[i];
        if (dims[i] < -1)
            return atm_fail(ATM_FORMAT,
                            "shape: dimension %" PRIu32 " is %" PRId64, i,
                            dims[i]);
        if (dims[i] == 0 && !allowzero) {
            if (i >= x->rank)
                return atm_fail(ATM_FORMAT,
                                "shape: dimension %" PRIu32
                                " copies one that the input lacks",
                                i);
            y->dim[i] = x->dim[i];
        } else if (dims[i] == 0) {
            zero = true;
        } else if (dims[i] == -1) {
            if (*open < y->rank)
                return atm_fail(ATM_FORMAT, "shape: two dimensions are -1");
            *open = i;
            y->dim[i] = 1;
        }
    }
    if (zero && *open < y->rank)
        return atm_fail(ATM_FORMAT, "shape: 0 and -1 exclude each other with "
                                    "allowzero");
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t dims[ATM_RANK_MAX], have, want;
    char tx[128], ty[128];
    struct atm_shape y;
    enum atm_status st;
    uint32_t open;

    memset(&y, 0, sizeof(y));
    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = wanted(call, dims, &y.rank);
    if (!st)
        st = copy_dims(call, dims, &y, &open);
    if (!st)
        st = atm_shape_count(x, &have);
    if (!st)
        st = atm_shape_count(&y, &want);
    if (st)
        return st;
    if (open < y.rank && want > 0 && have % want == 0) {
        y.dim[open] = have / want;
        want = have;
    }
    if (have != want)
        return atm_fail(ATM_FORMAT, "%s does not reshape to %s",
                        atm_shape_str(x, tx, sizeof(tx)),
                        atm_shape_str(&y, ty, sizeof(ty)));
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    atm__copy_view(call);
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "allowzero", .kind = ATM_ATTR_INT, .since = 14},
    {.name = "shape", .kind = ATM_ATTR_INTS, .until = 4},
    {.name = "consumed_inputs", .kind = ATM_ATTR_INTS, .until = 4},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Reshape = {
    .attrs = attrs, .infer = infer, .run = run};
