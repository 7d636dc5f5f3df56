/* dnnl_inner.c - Gemm and MatMul against a constant matrix by oneDNN's inner
 * product, the matrix packed at load. A flattened image is reordered first:
 * reading the blocked image with weights packed to fit saves that small reorder
 * and streams the weights 25 % slower (VGG's first Gemm, both widths). */
#include "dnnl_util.h"

#include <string.h>

struct inner {
    const struct atm__lower *l;
    const struct atm_node *n;
    struct atm_shape x, w, y; /* [M, K], [N, K], [M, N] */
    bool transposed;          /* the constant is [N, K], else [K, N] */
    bool bias;
    uint32_t residual; /* value that a post adds, or ATM_NONE */
};

static int64_t count(const struct atm_shape *s)
{
    int64_t n = 1;
    uint32_t i;

    for (i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

static bool read_gemm(const struct atm_node *n, bool *transposed)
{
    *transposed = atm_node_int(n, "transB", 0) != 0;
    return !atm_node_int(n, "transA", 0) &&
           atm_node_float(n, "alpha", 1) == 1.0f &&
           (atm__own_inputs(n) < 3 || n->in[2] == ATM_NONE ||
            atm_node_float(n, "beta", 1) == 1.0f);
}

static bool read_node(const struct atm__lower *l, const struct atm_node *n,
                      struct inner *c)
{
    const struct atm_value *v = l->g->value;
    bool gemm = strcmp(n->op->name, "Gemm") == 0, transposed = false;
    const struct atm_shape *a, *b, *bias;
    int64_t k, columns;

    if ((!gemm && strcmp(n->op->name, "MatMul") != 0) || !atm__dnnl_f32(l, n) ||
        (gemm && !read_gemm(n, &transposed)))
        return false;
    *c = (struct inner){.l = l, .n = n, .transposed = transposed};
    a = &v[n->in[0]].shape;
    b = &v[n->in[1]].shape;
    if (a->rank < 2 || b->rank != 2 || !atm__lower_is_constant(l, n->in[1]) ||
        atm__lower_is_constant(l, n->in[0]))
        return false;
    k = b->dim[transposed];
    columns = b->dim[!transposed];
    if (k == 0 || columns == 0 || count(a) == 0)
        return false;
    c->x = (struct atm_shape){2, {count(a) / k, k}};
    c->w = (struct atm_shape){2, {columns, k}};
    c->y = (struct atm_shape){2, {count(a) / k, columns}};
    c->bias = gemm && atm__own_inputs(n) > 2 && n->in[2] != ATM_NONE;
    if (c->bias) {
        bias = &v[n->in[2]].shape;
        if (count(bias) != columns ||
            (bias->rank > 0 && bias->dim[bias->rank - 1] != columns))
            return false;
    }
    return atm__residual(n, &c->residual);
}

/* The library's choice, or as the file has it. */
static bool weights_md(const struct inner *c, dnnl_memory_desc_t *md)
{
    struct atm_layout as_is = atm_layout_plain(2);

    if (!c->l->p->no_pack)
        return atm__dnnl_md_any(&c->w, md);
    as_is.order[0] = !c->transposed;
    as_is.order[1] = c->transposed;
    return atm__dnnl_md(&c->w, &as_is, md);
}

static bool describe(const struct inner *c, bool in_place,
                     struct atm__dnnl_detail *d)
{
    struct atm_layout line = atm_layout_plain(1), flat = atm_layout_plain(2);
    struct atm_shape columns = {1, {c->y.dim[1]}};
    dnnl_memory_desc_t src, weights, bias, dst;

    if (!atm__dnnl_md(&c->x, &flat, &src) || !weights_md(c, &weights) ||
        !atm__dnnl_md(&columns, &line, &bias) ||
        !atm__dnnl_md(&c->y, &flat, &dst) ||
        dnnl_inner_product_forward_desc_init(&d->op.ip, dnnl_forward_inference,
                                             &src, &weights,
                                             c->bias ? &bias : NULL, &dst))
        return false;
    (void)atm__dnnl_arg(d, DNNL_ARG_SRC, false, 0, &src);
    (void)atm__dnnl_arg(d, DNNL_ARG_WEIGHTS, false, 1, &weights);
    if (c->bias)
        (void)atm__dnnl_arg(d, DNNL_ARG_BIAS, false, 2, &bias);
    (void)atm__dnnl_arg(d, DNNL_ARG_DST, true, 0, &dst);
    atm__dnnl_posts(d, c->n, in_place, c->bias ? 3 : 2, &dst);
    return true;
}

static enum atm_status try(const struct inner *c, struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_inner}};
    struct atm_arena *arena = c->l->p->arena;
    uint32_t residual = c->bias ? 3 : 2;
    const struct atm_node *n = c->n;
    struct atm_layout weights, flat = atm_layout_plain(2);
    dnnl_primitive_desc_t pd;
    const char *impl;
    bool in_place;
    enum atm_status st;

    in_place = c->residual != ATM_NONE && atm__lower_dies(c->l, c->residual);
    if (!describe(c, in_place, &d) ||
        !atm__dnnl_find(c->l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    if (!atm__dnnl_chosen(pd, dnnl_query_weights_md, 0, &d.arg[1].md,
                          &weights)) {
        (void)dnnl_primitive_desc_destroy(pd);
        return ATM_OK;
    }
    d.op.ip.weights_desc = d.arg[1].md;
    st = atm__dnnl_offer(arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(arena, residual + (c->residual != ATM_NONE), o);
    if (st)
        return st;
    o->in[0] = atm__use_of(c->l, n->in[0], &flat);
    o->in[0].seen = o->in[0].shape = c->x;
    o->in[1] = atm__use_of(c->l, n->in[1], &weights);
    o->in[1].shape = c->w;
    o->in[1].perm[0] = !c->transposed;
    o->in[1].perm[1] = c->transposed;
    if (c->bias)
        o->in[2] = atm__use_plain(c->l, n->in[2]);
    if (c->residual != ATM_NONE)
        o->in[residual] = atm__use_plain(c->l, c->residual);
    if (in_place)
        o->pair[o->n_pairs++] = (struct atm_pair){residual, 0, true};
    o->out[0] = atm__use_plain(c->l, n->out[0]);
    return ATM_OK;
}

static enum atm_status inner_offer(const struct atm__lower *l,
                                   const struct atm_node *n,
                                   struct atm__offer *o)
{
    struct inner c;

    return read_node(l, n, &c) ? try(&c, o) : ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_inner = {
    .name = "dnnl_inner", .offer = inner_offer, ATM__DNNL_KERNEL};
