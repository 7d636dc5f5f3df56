/* gemm.c - Gemm: alpha op(A) op(B) + beta C, with C broadcast into the
 * result (whether or not opset 6 asked for it). */
#include "ref/elem.h"
#include "ref/matrix.h"

struct dims {
    int64_t m, n, k;
    bool ta, tb;
};

static enum atm_status dims_of(const struct atm_call *call, struct dims *d)
{
    const struct atm_shape *a = &call->in[0].shape, *b = &call->in[1].shape;
    char ta[128], tb[128];

    d->ta = atm_node_int(call->node, "transA", 0) != 0;
    d->tb = atm_node_int(call->node, "transB", 0) != 0;
    if (a->rank != 2 || b->rank != 2 ||
        a->dim[d->ta ? 0 : 1] != b->dim[d->tb ? 1 : 0])
        return atm_fail(
            ATM_FORMAT, "shapes %s%s and %s%s cannot be multiplied",
            atm_shape_str(a, ta, sizeof(ta)), d->ta ? " (transposed)" : "",
            atm_shape_str(b, tb, sizeof(tb)), d->tb ? " (transposed)" : "");
    d->m = a->dim[d->ta ? 1 : 0];
    d->k = a->dim[d->ta ? 0 : 1];
    d->n = b->dim[d->tb ? 0 : 1];
    return ATM_OK;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 2}, with_c;
    char tc[128], ty[128];
    enum atm_status st;
    struct dims d;

    st = atm_need_same_type(call, ATM__MATRIX_TYPES);
    if (!st)
        st = dims_of(call, &d);
    if (st)
        return st;
    y.dim[0] = d.m;
    y.dim[1] = d.n;
    if (atm_has_in(call, 2)) {
        with_c = y;
        st = atm_broadcast(&with_c, &call->in[2].shape);
        if (st || !atm_shape_equal(&with_c, &y))
            return atm_fail(ATM_FORMAT,
                            "input 2 of shape %s does not broadcast into %s",
                            atm_shape_str(&call->in[2].shape, tc, sizeof(tc)),
                            atm_shape_str(&y, ty, sizeof(ty)));
    } else if (call->node->opset < 11) {
        return atm_fail(ATM_FORMAT, "input 2 is needed before opset 11");
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0], *c = &call->in[2];
    double alpha = (double)atm_node_float(call->node, "alpha", 1);
    double beta = (double)atm_node_float(call->node, "beta", 1);
    bool has_c = atm_has_in(call, 2);
    struct atm__matrix a, b;
    struct atm__walk w;
    enum atm_status st;
    struct dims d;
    int64_t at;

    st = dims_of(call, &d);
    if (st)
        return st;
    a = (struct atm__matrix){call->in[0].data, d.ta ? 1 : d.k, d.ta ? d.m : 1};
    b = (struct atm__matrix){call->in[1].data, d.tb ? 1 : d.n, d.tb ? d.k : 1};
    atm__matmul(y->dtype, d.m, d.n, d.k, a, b, y->data);
    if (alpha == 1 && !has_c)
        return ATM_OK;
    atm__walk_begin(&w, &y->shape);
    if (has_c)
        atm__walk_broadcast(&w, &c->shape);
    for (at = 0; w.left > 0; atm__walk_next(&w), at++) {
        if (alpha == 1 && beta == 1 && !atm__is_float(y->dtype))
            atm__put_i(y, at,
                       (int64_t)((uint64_t)atm__get_i(y, at) +
                                 (uint64_t)atm__get_i(c, w.at[0])));
        else
            atm__put_f(y, at,
                       alpha * atm__get_f(y, at) +
                           (has_c ? beta * atm__get_f(c, w.at[0]) : 0));
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "alpha", .kind = ATM_ATTR_FLOAT},
    {.name = "beta", .kind = ATM_ATTR_FLOAT},
    {.name = "transA", .kind = ATM_ATTR_INT},
    {.name = "transB", .kind = ATM_ATTR_INT},
    {.name = "broadcast", .kind = ATM_ATTR_INT, .until = 6},
    {.name = NULL}};

const struct atm_op_impl atm_op_impl_Gemm = {
    .attrs = attrs, .infer = infer, .run = run};
