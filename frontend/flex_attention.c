/* flex_attention.c - FlexAttention of ai.onnx.preview: the nodes that its
 * definition names, with the model's own subgraphs where it modifies scores
 * and probabilities. */
#include "expand.h"

#include <inttypes.h>
#include <math.h>

/* The first failure ends all that follows. */
struct flex {
    const struct atm__site *at;
    enum atm_status st;
    struct atm_shape q, k, v;
};

static uint32_t node(struct flex *f, const char *op, uint32_t a, uint32_t b,
                     const struct atm_attr *attr)
{
    const uint32_t in[] = {a, b};
    uint32_t out = ATM_NONE;

    if (!f->st)
        f->st = atm__site_new(f->at, op, b == ATM_NONE ? 1 : 2, in, attr, &out);
    return out;
}

static uint32_t cast(struct flex *f, uint32_t x, int64_t onnx_type)
{
    const struct atm_attr to = {
        .name = "to", .kind = ATM_ATTR_INT, .i = onnx_type};

    return node(f, "Cast", x, ATM_NONE, &to);
}

static uint32_t reshape(struct flex *f, uint32_t x, int64_t heads, int64_t rows,
                        int64_t columns)
{
    const int64_t shape[] = {f->q.dim[0], heads, rows, columns};
    uint32_t to = ATM_NONE;

    if (!f->st)
        f->st = atm__site_constant(f->at, ATM_I64, 1, 4, shape, &to);
    return node(f, "Reshape", x, to, NULL);
}

/* The model's subgraph, if it has this one. */
static uint32_t modify(struct flex *f, const char *name, uint32_t x)
{
    const Onnx__GraphProto *g;
    uint32_t out = x;

    if (!f->st && atm__site_attr(f->at, name))
        f->st = atm__site_graph(f->at, name, &g);
    else
        return x;
    if (!f->st)
        f->st = atm__site_body(f->at, name, g, 1, &x, 1, &out);
    return out;
}

/* x times s, which has x's type; queries and keys get the root of the scale
 * each, as the definition says. */
static uint32_t scaled(struct flex *f, uint32_t x, float s, int64_t onnx_type)
{
    uint32_t id = ATM_NONE;

    if (!f->st)
        f->st = atm__site_constant(f->at, ATM_F32, 0, 1, &s, &id);
    return node(f, "Mul", x, cast(f, id, onnx_type), NULL);
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

enum atm_status atm__expand_flex(const struct atm__site *at)
{
    static const int64_t swap[] = {0, 1, 3, 2};
    const struct atm_attr perm = {
        .name = "perm", .kind = ATM_ATTR_INTS, .n = 4, .ints = swap};
    const struct atm_attr last = {
        .name = "axis", .kind = ATM_ATTR_INT, .i = -1};
    const Onnx__AttributeProto *scale = atm__site_attr(at, "scale");
    const Onnx__AttributeProto *type = atm__site_attr(at, "softmax_precision");
    const struct atm_value *value = at->im->g->value;
    struct flex f = {.at = at};
    int64_t own, precise, rows;
    uint32_t in[3], i, x, k;
    float s;

    for (i = 0; i < 3; i++) {
        f.st = atm__site_input(at, i, &in[i]);
        if (!f.st && in[i] == ATM_NONE)
            f.st = atm_fail(ATM_FORMAT, "input %" PRIu32 " is omitted", i);
        if (f.st || !value[in[i]].shape_known)
            return f.st;
    }
    f.q = value[in[0]].shape;
    f.k = value[in[1]].shape;
    f.v = value[in[2]].shape;
    f.st = check(&f);
    own = atm_dtype_to_onnx(value[in[0]].dtype);
    precise = type                            ? type->i
              : value[in[0]].dtype == ATM_F64 ? own
                                              : atm_dtype_to_onnx(ATM_F32);
    s = scale ? scale->f : 1 / sqrtf((float)f.q.dim[3]);
    /* query heads that share a key head are more rows of it */
    rows = f.st ? 0 : f.q.dim[1] / f.k.dim[1] * f.q.dim[2];
    x = reshape(&f, in[0], f.k.dim[1], rows, f.q.dim[3]);
    x = scaled(&f, x, copysignf(sqrtf(fabsf(s)), s), own);
    k = scaled(&f, in[1], sqrtf(fabsf(s)), own);
    x = node(&f, "MatMul", x, node(&f, "Transpose", k, ATM_NONE, &perm), NULL);
    x = reshape(&f, cast(&f, x, precise), f.q.dim[1], f.q.dim[2], f.k.dim[2]);
    x = modify(&f, "score_mod", x);
    x = modify(&f, "prob_mod", node(&f, "Softmax", x, ATM_NONE, &last));
    x = reshape(&f, x, f.k.dim[1], rows, f.k.dim[2]);
    x = node(&f, "MatMul", x, cast(&f, in[2], precise), NULL);
    x = reshape(&f, cast(&f, x, own), f.q.dim[1], f.q.dim[2], f.v.dim[3]);
    return f.st ? f.st : atm__site_copy_out(at, 0, x);
}
