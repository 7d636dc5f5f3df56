/* reduce.c - the reductions: which elements fold into one. */
#include "ref/reduce.h"

#include <math.h>

/* The reduced dimensions as a bit set. */
static enum atm_status reduced(const struct atm_call *call, uint32_t *set)
{
    bool noop = atm_node_int(call->node, "noop_with_empty_axes", 0) != 0;
    uint32_t rank = call->in[0].shape.rank, n = 0;
    int64_t axes[ATM_RANK_MAX];
    enum atm_status st;

    if (atm_has_in(call, 1))
        st = atm_need_ints(call, 1, "axes", ATM_RANK_MAX, axes, &n);
    else
        st = atm_attr_ints(call->node, "axes", ATM_RANK_MAX, axes, &n);
    if (!st)
        st = atm_axes(axes, n, rank, set);
    if (!st && n == 0 && !noop)
        *set = (1u << rank) - 1;
    return st;
}

enum atm_status atm__reduce_infer(struct atm_call *call, uint32_t types,
                                  bool has_empty)
{
    bool keep = atm_node_int(call->node, "keepdims", 1) != 0;
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape y = {.rank = 0};
    enum atm_status st;
    uint32_t set = 0, i;

    st = atm_need_type(call, 0, types);
    if (!st)
        st = reduced(call, &set);
    if (st)
        return st;
    for (i = 0; i < x->rank; i++) {
        bool fold = set >> i & 1;

        if (fold && x->dim[i] == 0 && !has_empty)
            return atm_fail(ATM_FORMAT, "nothing to reduce: a dimension is 0");
        if (!fold || keep)
            y.dim[y.rank++] = fold ? 1 : x->dim[i];
    }
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static void fold_float(const struct atm__reducer *r, const struct atm_view *x,
                       struct atm__walk *w, const struct atm_view *y,
                       int64_t at)
{
    double acc = r->empty, n = (double)w->left;
    bool first = true;

    for (; w->left > 0; atm__walk_next(w), first = false) {
        double v = atm__get_f(x, w->at[0]);

        if (r->map)
            v = r->map(v);
        acc = first ? v : r->join(acc, v);
    }
    atm__put_f(y, at, r->end ? r->end(acc, n) : acc);
}

/* The fold of no element: infinities are the ends of the type. */
static int64_t empty_int(double empty, enum atm_dtype dtype)
{
    bool sign = atm_type_in(dtype, ATM_TYPES_SIGNED);
    int64_t most = (int64_t)(UINT64_MAX >> ((sign ? 65 : 64) -
                                            8 * (int)atm_dtype_bytes(dtype)));

    if (!isinf(empty))
        return (int64_t)empty;
    return empty > 0 ? most : sign ? -most - 1 : 0;
}

static void fold_int(const struct atm__reducer *r, const struct atm_view *x,
                     struct atm__walk *w, const struct atm_view *y, int64_t at)
{
    int64_t acc = w->left > 0 ? 0 : empty_int(r->empty, y->dtype);
    bool first = true;

    for (; w->left > 0; atm__walk_next(w), first = false) {
        int64_t v = atm__get_i(x, w->at[0]);

        if (r->map_i)
            v = r->map_i(v);
        acc = first ? v : r->join_i(acc, v);
    }
    atm__put_i(y, at, acc);
}

enum atm_status atm__reduce_run(const struct atm_call *call,
                                const struct atm__reducer *r)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];
    int64_t stride[ATM_RANK_MAX], in_stride[ATM_RANK_MAX];
    int64_t out_stride[ATM_RANK_MAX], at = 0;
    struct atm_shape outer = {.rank = 0}, inner = {.rank = 0};
    bool integer = !atm__is_float(x->dtype) && r->join_i;
    struct atm__walk w;
    enum atm_status st;
    uint32_t set = 0, i;

    st = reduced(call, &set);
    if (st)
        return st;
    atm__strides(&x->shape, stride);
    for (i = 0; i < x->shape.rank; i++) {
        if (set >> i & 1) {
            in_stride[inner.rank] = stride[i];
            inner.dim[inner.rank++] = x->shape.dim[i];
        } else {
            out_stride[outer.rank] = stride[i];
            outer.dim[outer.rank++] = x->shape.dim[i];
        }
    }
    atm__walk_begin(&w, &outer);
    atm__walk_strided(&w, 0, out_stride);
    for (; w.left > 0; atm__walk_next(&w)) {
        struct atm__walk in;

        atm__walk_begin(&in, &inner);
        atm__walk_strided(&in, w.at[0], in_stride);
        (integer ? fold_int : fold_float)(r, x, &in, y, at++);
    }
    return ATM_OK;
}
