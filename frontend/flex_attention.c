/* flex_attention.c - FlexAttention of ai.onnx.preview: the nodes that its
 * definition names, with the model's own subgraphs where it modifies scores
 * and probabilities. */
#include "expand.h"

#include <inttypes.h>
#include <math.h>

struct flex {
    struct atm__expr e;
    struct atm_shape q, k, v;
};

static uint32_t reshape(struct flex *f, uint32_t x, int64_t heads, int64_t rows,
                        int64_t columns)
{
    const int64_t shape[] = {f->q.dim[0], heads, rows, columns};
    uint32_t to = ATM_NONE;

    if (!f->e.st)
        f->e.st = atm__site_constant(f->e.at, ATM_I64, 1, 4, shape, &to);
    return atm__expr_node(&f->e, "Reshape", NULL, ATM__IN(x, to));
}

/* The model's subgraph, if it has this one. */
static uint32_t modify(struct flex *f, const char *name, uint32_t x)
{
    const Onnx__GraphProto *g;
    uint32_t out = x;

    if (f->e.st || !atm__site_attr(f->e.at, name))
        return x;
    f->e.st = atm__site_graph(f->e.at, name, &g);
    if (!f->e.st)
        f->e.st = atm__site_body(f->e.at, name, g, 1, &x, 1, &out);
    return out;
}

static enum atm_status check(const struct flex *f)
{
    const struct atm_shape *q = &f->q, *k = &f->k, *v = &f->v;

    if (q->rank != 4 || k->rank != 4 || v->rank != 4 ||
        k->dim[0] != q->dim[0] || v->dim[0] != q->dim[0] || k->dim[1] < 1 ||
        q->dim[1] % k->dim[1] != 0 || v->dim[1] != k->dim[1] ||
        v->dim[2] != k->dim[2] || k->dim[3] != q->dim[3])
        return atm_fail(ATM_FORMAT,
                        "queries, keys and values do not fit together");
    if (q->bound || k->bound || v->bound)
        return atm_fail(ATM_UNSUPPORTED, "shapes that depend on data");
    return ATM_OK;
}

/* The type that scores and probabilities have. */
static enum atm_status precision(const struct atm__site *at, enum atm_dtype own,
                                 enum atm_dtype *dtype)
{
    const Onnx__AttributeProto *a = atm__site_attr(at, "softmax_precision");

    *dtype = a                ? atm_dtype_from_onnx((int)a->i)
             : own == ATM_F64 ? ATM_F64
                              : ATM_F32;
    return *dtype
               ? ATM_OK
               : atm_fail(ATM_UNSUPPORTED, "softmax_precision %" PRId64, a->i);
}

static uint32_t attention(struct flex *f, const uint32_t *in,
                          enum atm_dtype own, enum atm_dtype precise)
{
    static const int64_t swap[] = {0, 1, 3, 2};
    const struct atm_attr perm = {
        .name = "perm", .kind = ATM_ATTR_INTS, .n = 4, .ints = swap};
    const struct atm_attr last = {
        .name = "axis", .kind = ATM_ATTR_INT, .i = -1};
    const Onnx__AttributeProto *scale = atm__site_attr(f->e.at, "scale");
    float s = scale ? scale->f : 1 / sqrtf((float)f->q.dim[3]);
    float root = sqrtf(fabsf(s));
    struct atm__expr *e = &f->e;
    /* query heads that share a key head are more rows of it */
    int64_t rows = f->q.dim[1] / f->k.dim[1] * f->q.dim[2];
    uint32_t x, k;

    /* both get the root of the scale, as the definition says */
    x = reshape(f, in[0], f->k.dim[1], rows, f->q.dim[3]);
    k = atm__expr_number(e, copysignf(root, s), own);
    x = atm__expr_node(e, "Mul", NULL, ATM__IN(x, k));
    k = atm__expr_number(e, root, own);
    k = atm__expr_node(e, "Mul", NULL, ATM__IN(in[1], k));
    k = atm__expr_node(e, "Transpose", &perm, ATM__IN(k));
    x = atm__expr_node(e, "MatMul", NULL, ATM__IN(x, k));
    x = atm__expr_cast(e, x, precise);
    x = reshape(f, x, f->q.dim[1], f->q.dim[2], f->k.dim[2]);
    x = modify(f, "score_mod", x);
    x = atm__expr_node(e, "Softmax", &last, ATM__IN(x));
    x = modify(f, "prob_mod", x);
    x = reshape(f, x, f->k.dim[1], rows, f->k.dim[2]);
    k = atm__expr_cast(e, in[2], precise);
    x = atm__expr_node(e, "MatMul", NULL, ATM__IN(x, k));
    x = atm__expr_cast(e, x, own);
    return reshape(f, x, f->q.dim[1], f->q.dim[2], f->v.dim[3]);
}

enum atm_status atm__expand_flex(const struct atm__site *at)
{
    const struct atm_value *value = at->im->g->value;
    struct flex f = {.e = {.at = at}};
    enum atm_dtype own, precise;
    enum atm_status st;
    uint32_t in[3], i;

    for (i = 0; i < 3; i++) {
        st = atm__site_input(at, i, &in[i]);
        if (!st && in[i] == ATM_NONE)
            st = atm_fail(ATM_FORMAT, "input %" PRIu32 " is omitted", i);
        if (st || !value[in[i]].shape_known)
            return st;
    }
    f.q = value[in[0]].shape;
    f.k = value[in[1]].shape;
    f.v = value[in[2]].shape;
    own = value[in[0]].dtype;
    st = check(&f);
    if (!st)
        st = precision(at, own, &precise);
    if (st)
        return st;
    i = attention(&f, in, own, precise);
    return f.e.st ? f.e.st : atm__site_copy_out(at, 0, i);
}
