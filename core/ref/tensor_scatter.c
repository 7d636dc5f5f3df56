/* tensor_scatter.c - TensorScatter: a cache with an update written into it, at
 * a position of its own for each image of the batch. */
#include "ref/elem.h"

#include <inttypes.h>

static enum atm_status axis_of(const struct atm_call *call, uint32_t *axis)
{
    enum atm_status st = atm_axis(atm_node_int(call->node, "axis", -2),
                                  call->in[0].shape.rank, axis);

    if (!st && *axis == 0)
        st = atm_fail(ATM_FORMAT, "axis 0 is the batch");
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    const char *mode = atm_node_string(call->node, "mode", "linear");
    const struct atm_shape *x = &call->in[0].shape, *u = &call->in[1].shape;
    bool fits = u->rank == x->rank;
    enum atm_status st;
    uint32_t axis = 0, d;

    if (strcmp(mode, "linear") != 0 && strcmp(mode, "circular") != 0)
        return atm_fail(ATM_FORMAT,
                        "attribute mode is neither linear nor circular");
    if (call->in[1].dtype != call->in[0].dtype)
        return atm_fail(ATM_FORMAT, "the update is of another type");
    st = atm_need_type(call, 0, ATM_TYPES_ALL);
    if (!st)
        st = axis_of(call, &axis);
    for (d = 0; !st && fits && d < x->rank; d++)
        fits = d == axis ? u->dim[d] <= x->dim[d] : u->dim[d] == x->dim[d];
    if (!st && !fits)
        st = atm_fail(ATM_FORMAT, "the update does not fit into the cache");
    if (!st && atm_has_in(call, 2))
        st = atm_need_type(call, 2, ATM_TYPE(I64));
    if (!st && atm_has_in(call, 2) && atm_view_count(&call->in[2]) != x->dim[0])
        st = atm_fail(ATM_FORMAT,
                      "input 2 (write_indices) needs one element an image");
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, x);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    bool circular =
        strcmp(atm_node_string(call->node, "mode", "linear"), "circular") == 0;
    const struct atm_shape *x = &call->in[0].shape, *u = &call->in[1].shape;
    int64_t outer, inner, o, s, i;
    enum atm_status st;
    uint32_t axis = 1;

    st = axis_of(call, &axis);
    atm__copy_view(call);
    if (st || atm_view_count(&call->in[1]) == 0)
        return st;
    outer = atm_dims_product(x, 0, axis);
    inner = atm_dims_product(x, axis + 1, x->rank);
    for (o = 0; o < outer; o++) {
        int64_t image = o / (outer / x->dim[0]), room = x->dim[axis];
        int64_t first =
            atm_has_in(call, 2) ? atm__get_i(&call->in[2], image) : 0;

        if (first < 0 || (!circular && first > room - u->dim[axis]))
            return atm_fail(ATM_FORMAT,
                            "write index %" PRId64 " is outside the cache",
                            first);
        for (s = 0; s < u->dim[axis]; s++)
            for (i = 0; i < inner; i++)
                atm__move(&call->out[0],
                          (o * room + (first % room + s) % room) * inner + i,
                          &call->in[1], (o * u->dim[axis] + s) * inner + i);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT},
    {.name = "mode", .kind = ATM_ATTR_STRING},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_TensorScatter = {
    .attrs = attrs, .infer = infer, .run = run};
