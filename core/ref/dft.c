/* dft.c - DFT: the discrete Fourier transform along one dimension. The last
 * dimension holds real and imaginary part, or the real one alone. */
#include "ref/fourier.h"

#include <inttypes.h>

struct plan {
    uint32_t axis;
    int64_t n; /* length of the transform */
    bool inverse, onesided;
};

static enum atm_status plan_of(const struct atm_call *call, struct plan *p)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t axis = atm_node_int(call->node, "axis", 1);
    enum atm_status st = ATM_OK;
    uint32_t got = 1;

    p->inverse = atm_node_int(call->node, "inverse", 0) != 0;
    p->onesided = atm_node_int(call->node, "onesided", 0) != 0;
    if (call->node->opset >= 20) {
        axis = -2;
        if (atm_has_in(call, 2))
            st = atm_need_ints(call, 2, "axis", 1, &axis, &got);
    }
    if (!st && got != 1)
        st = atm_fail(ATM_FORMAT, "input 2 (axis) is no scalar");
    if (!st)
        st = atm_axis(axis, x->rank, &p->axis);
    if (!st && p->axis == x->rank - 1)
        st = atm_fail(ATM_FORMAT, "the axis is that of the complex parts");
    if (st)
        return st;
    p->n = x->dim[p->axis];
    if (p->inverse && p->onesided)
        p->n = 2 * (p->n - 1);
    if (atm_has_in(call, 1))
        st = atm_need_ints(call, 1, "dft_length", 1, &p->n, &got);
    if (!st && (got != 1 || p->n < 1 || p->n > INT32_MAX))
        st = atm_fail(ATM_FORMAT, "a transform of %" PRId64 " elements", p->n);
    return st;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    struct plan p = {0};
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_rank(call, 0, 2);
    if (!st && (y.dim[y.rank - 1] < 1 || y.dim[y.rank - 1] > 2))
        st = atm_fail(ATM_FORMAT, "the last dimension is neither 1 nor 2");
    if (!st)
        st = plan_of(call, &p);
    if (st)
        return st;
    y.dim[p.axis] = p.onesided && !p.inverse ? p.n / 2 + 1 : p.n;
    y.dim[y.rank - 1] = p.onesided && p.inverse ? 1 : 2;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

/* By shapes alone: lowering knows no data. */
static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_shape *y = &call->out[0].shape;
    int64_t n = 0;
    uint32_t d;

    for (d = 0; d + 1 < y->rank; d++)
        if (y->dim[d] > n)
            n = y->dim[d];
    return atm__fourier_scratch(2 * n);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *y = &call->out[0].shape;
    struct atm__fourier f = {.x = &call->in[0], .y = &call->out[0]};
    int64_t lines, inner, line;
    struct plan p = {0};
    enum atm_status st = plan_of(call, &p);

    if (st || atm_view_count(f.y) == 0)
        return st;
    if (y->dim[p.axis] != (p.onesided && !p.inverse ? p.n / 2 + 1 : p.n))
        return atm_fail(ATM_FORMAT, "dft_length changed after inference");
    f.x_parts = (uint32_t)x->dim[x->rank - 1];
    f.y_parts = (uint32_t)y->dim[y->rank - 1];
    f.n_in = x->dim[p.axis];
    f.n_out = y->dim[p.axis];
    f.n = p.n;
    f.inverse = p.inverse;
    f.mirrored = p.inverse && p.onesided;
    inner = atm_dims_product(x, p.axis + 1, x->rank - 1);
    lines = atm_dims_product(x, 0, p.axis) * inner;
    f.x_step = inner * f.x_parts;
    f.y_step = inner * f.y_parts;
    atm__fourier_begin(call->scratch, p.n);
    for (line = 0; line < lines; line++) {
        f.x_at = (line / inner * f.n_in * inner + line % inner) * f.x_parts;
        f.y_at = (line / inner * f.n_out * inner + line % inner) * f.y_parts;
        atm__fourier_line(&f, call->scratch);
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "axis", .kind = ATM_ATTR_INT, .until = 19},
    {.name = "inverse", .kind = ATM_ATTR_INT},
    {.name = "onesided", .kind = ATM_ATTR_INT},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_DFT = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
