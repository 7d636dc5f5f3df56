/* dnnl_inner.c - Gemm and MatMul against a constant matrix by oneDNN's inner
 * product, the matrix packed at load. What a Flatten made of a blocked image is
 * read as the image: the weights are packed to fit. */
#include "dnnl_util.h"

#include <string.h>

struct inner {
    const struct atm__lower *l;
    const struct atm_node *n;
    uint32_t src;              /* value, perhaps the image below a view */
    struct atm_shape x, w, y;  /* [M, K...], [N, K...], [M, N] */
    struct atm_shape seen;     /* of the constant: [K..., N] or [N, K...] */
    uint8_t perm[ATM_RANK_MAX];
    struct atm_layout layout;  /* of the source */
    bool bias;
    uint32_t residual;         /* value that a post adds, or ATM_NONE */
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
    const struct atm_shape *a, *b;
    int64_t k, columns;

    if ((!gemm && strcmp(n->op->name, "MatMul") != 0) ||
        !atm__dnnl_f32(l, n) || (gemm && !read_gemm(n, &transposed)))
        return false;
    *c = (struct inner){.l = l, .n = n, .src = n->in[0]};
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
    c->seen = *b;
    c->perm[0] = !transposed;
    c->perm[1] = transposed;
    c->bias = gemm && atm__own_inputs(n) > 2 && n->in[2] != ATM_NONE;
    if (c->bias && (count(&v[n->in[2]].shape) != columns ||
                    v[n->in[2]].shape.dim[v[n->in[2]].shape.rank - 1] !=
                        columns))
        return false;
    c->layout = atm_layout_plain(2);
    return atm__residual(n, &c->residual);
}

/* Whether the source is a flattened image in blocks: then the image is read,
 * and the weights take its dimensions. */
static void look_below(struct inner *c)
{
    uint32_t below = c->l->root[c->src], i;
    const struct atm_shape *s = &c->l->g->value[below].shape;
    struct atm_layout now = atm__lower_layout(c->l, below);
    bool transposed = c->perm[0] == 0;

    if (below == c->src || !now.n_blocks || s->rank < 3 || s->rank > 5 ||
        s->dim[0] != c->x.dim[0])
        return;
    c->src = below;
    c->layout = now;
    c->x = *s;
    c->w = *s;
    c->w.dim[0] = c->y.dim[1];
    c->seen.rank = s->rank;
    for (i = 1; i < s->rank; i++) {
        c->seen.dim[i - !transposed] = s->dim[i];
        c->perm[i] = (uint8_t)(i - !transposed);
    }
    c->seen.dim[transposed ? 0 : s->rank - 1] = c->y.dim[1];
    c->perm[0] = transposed ? 0 : (uint8_t)(s->rank - 1);
}

static bool describe(const struct inner *c, bool in_place,
                     struct atm__dnnl_detail *d)
{
    struct atm_layout line = atm_layout_plain(1), flat = atm_layout_plain(2);
    struct atm_shape columns = {1, {c->y.dim[1]}};
    dnnl_memory_desc_t src, weights, bias, dst;

    if (!atm__dnnl_md(&c->x, &c->layout, &src) ||
        !atm__dnnl_md_any(&c->w, &weights) ||
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
    struct atm_layout weights;
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
    o->in[0] = atm__use_of(c->l, c->src, &c->layout);
    o->in[0].seen = o->in[0].shape = c->x;
    o->in[1] = atm__use_of(c->l, n->in[1], &weights);
    o->in[1].seen = c->seen;
    o->in[1].shape = c->w;
    memcpy(o->in[1].perm, c->perm, sizeof(c->perm));
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
    struct inner plain, below;
    enum atm_status st = ATM_OK;

    if (!read_node(l, n, &plain))
        return ATM_OK;
    below = plain;
    look_below(&below);
    if (below.src != plain.src)
        st = try(&below, o);
    if (!st && !o->by)
        st = try(&plain, o);
    return st;
}

const struct atm__kernel_impl atm__impl_dnnl_inner = {
    .name = "dnnl_inner", .offer = inner_offer, ATM__DNNL_KERNEL};
