/* split.c - Split along an axis into equal or given parts; the lengths are an
 * attribute before opset 13 and a constant input since. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    return atm_axis(atm_node_int(call->node, "axis", 0), call->in[0].shape.rank,
                    axis);
}

#define PARTS_MAX 128

/* Length of each part. */
static enum atm_status parts_of(const struct atm_call *call, int64_t size,
                                int64_t *part)
{
    uint32_t n_out = call->n_out, n = 0, i;
    int64_t left = size, each;
    enum atm_status st;

    if (n_out > PARTS_MAX)
        return atm_fail(ATM_UNSUPPORTED, "more than %d parts", PARTS_MAX);
    if (call->node->opset < 13 && call->n_in > 1)
        return atm_fail(ATM_FORMAT, "lengths are an attribute before opset 13");
    if (atm_has_in(call, 1))
        st = atm_need_ints(call, 1, "split", n_out, part, &n);
    else
        st = atm_attr_ints(call->node, "split", n_out, part, &n);
    if (st)
        return st;
    if (n == 0) {
        /* opset 18 lets the last part be shorter */
        each = size / n_out + (size % n_out != 0);
        if (size % n_out != 0 && call->node->opset < 18)
            return atm_fail(ATM_FORMAT,
                            "a dimension of %" PRId64
                            " does not split into %" PRIu32 " equal parts",
                            size, n_out);
        for (i = 0; i < n_out; i++, left -= each)
            part[i] = left < each ? (left < 0 ? 0 : left) : each;
        return ATM_OK;
    }
    for (i = 0; i < n; i++) {
        if (part[i] < 0 || part[i] > left)
            return atm_fail(ATM_FORMAT,
                            "part %" PRIu32 " of %" PRId64 " does not fit", i,
                            part[i]);
        left -= part[i];
    }
    if (n != n_out || left != 0)
        return atm_fail(ATM_FORMAT,
                        "%" PRIu32 " parts for %" PRIu32
                        " outputs leave %" PRId64 " of %" PRId64,
                        n, n_out, left, size);
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    int64_t part[PARTS_MAX];
    enum atm_status st;
    uint32_t axis = 0, i;

    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = axis_of(call, &axis);
    if (!st)
        st = parts_of(call, y.dim[axis], part);
    for (i = 0; !st && i < call->n_out; i++) {
        y.dim[axis] = part[i];
        atm_set_out(call, i, call->in[0].dtype, &y);
    }
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0];
    int64_t part[PARTS_MAX], outer, inner, size, at = 0, o;
    size_t each = atm_dtype_bytes(x->dtype);
    enum atm_status st;
    uint32_t axis = 0, i;

    st = axis_of(call, &axis);
    if (st)
        return st;
    size = x->shape.dim[axis];
    st = parts_of(call, size, part);
    if (st || atm_view_count(x) == 0)
        return st;
    outer = atm_dims_product(&x->shape, 0, axis);
    inner = atm_dims_product(&x->shape, axis + 1, x->shape.rank);
    for (i = 0; i < call->n_out; at += part[i++]) {
        size_t bytes = (size_t)(part[i] * inner) * each;

        for (o = 0; atm_has_out(call, i) && bytes && o < outer; o++)
            memcpy((char *)call->out[i].data + (size_t)o * bytes,
                   (const char *)x->data +
                       (size_t)((o * size + at) * inner) * each,
                   bytes);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "split", .kind = ATM_ATTR_INTS, .until = 12},
    {.name = "num_outputs", .kind = ATM_ATTR_INT, .since = 18},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Split = {
    .attrs = attrs, .infer = infer, .run = run};
