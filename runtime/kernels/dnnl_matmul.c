/* dnnl_matmul.c - MatMul and Gemm of two computed matrices by oneDNN, row-major
 * or transposed as they lie. (A constant matrix is better served by
 * dnnl_inner.c, which comes first.) */
#include "dnnl_util.h"

#include <string.h>

struct matmul {
    struct atm_shape shape[2], seen[2], y; /* all of one rank, >= 2 */
    uint8_t perm[2][ATM_RANK_MAX];
    struct atm_shape bias;
    uint32_t residual;
    bool has_bias;
};

/* Leading ones up to `rank`; transposed: the last two dimensions change. */
static void widen(const struct atm_shape *s, uint32_t rank, bool transposed,
                  struct atm_shape *seen, struct atm_shape *shape,
                  uint8_t *perm)
{
    uint32_t i, lead = rank - s->rank;

    seen->rank = shape->rank = rank;
    for (i = 0; i < rank; i++) {
        seen->dim[i] = i < lead ? 1 : s->dim[i - lead];
        perm[i] = (uint8_t)i;
    }
    if (transposed) {
        perm[rank - 1] = (uint8_t)(rank - 2);
        perm[rank - 2] = (uint8_t)(rank - 1);
    }
    for (i = 0; i < rank; i++)
        shape->dim[i] = seen->dim[perm[i]];
}

static bool read_node(const struct atm__lower *l, const struct atm_node *n,
                      struct matmul *m)
{
    const struct atm_value *v = l->g->value;
    bool gemm = strcmp(n->op->name, "Gemm") == 0;
    const struct atm_shape *y = &v[n->out[0]].shape, *c;
    uint32_t i;

    if ((!gemm && strcmp(n->op->name, "MatMul") != 0) || !atm__dnnl_f32(l, n) ||
        v[n->in[0]].shape.rank < 2 || v[n->in[1]].shape.rank < 2)
        return false;
    *m = (struct matmul){.y = *y};
    for (i = 0; i < 2; i++)
        widen(&v[n->in[i]].shape, y->rank,
              gemm && atm_node_int(n, i ? "transB" : "transA", 0),
              &m->seen[i], &m->shape[i], m->perm[i]);
    m->has_bias = gemm && atm__own_inputs(n) > 2 && n->in[2] != ATM_NONE;
    if (gemm && (atm_node_float(n, "alpha", 1) != 1.0f ||
                 (m->has_bias && atm_node_float(n, "beta", 1) != 1.0f)))
        return false;
    if (m->has_bias) {
        c = &v[n->in[2]].shape;
        m->bias = (struct atm_shape){2, {1, 1}};
        for (i = 0; i < c->rank; i++)
            m->bias.dim[i + 2 - c->rank] = c->dim[i];
        if (m->bias.dim[0] != 1)
            return false;
    }
    return atm__residual(n, &m->residual);
}

static bool describe(const struct atm_node *n, const struct matmul *m,
                     const struct atm_layout *layout, bool in_place,
                     struct atm__dnnl_detail *d)
{
    struct atm_layout flat = atm_layout_plain(2);
    dnnl_memory_desc_t a, b, bias, y;
    struct atm_layout plain = atm_layout_plain(m->y.rank);

    if (!atm__dnnl_md(&m->shape[0], &layout[0], &a) ||
        !atm__dnnl_md(&m->shape[1], &layout[1], &b) ||
        !atm__dnnl_md(&m->y, &plain, &y) ||
        (m->has_bias && !atm__dnnl_md(&m->bias, &flat, &bias)) ||
        dnnl_matmul_desc_init(&d->op.matmul, &a, &b,
                              m->has_bias ? &bias : NULL, &y))
        return false;
    (void)atm__dnnl_arg(d, DNNL_ARG_SRC, false, 0, &a);
    (void)atm__dnnl_arg(d, DNNL_ARG_WEIGHTS, false, 1, &b);
    if (m->has_bias)
        (void)atm__dnnl_arg(d, DNNL_ARG_BIAS, false, 2, &bias);
    (void)atm__dnnl_arg(d, DNNL_ARG_DST, true, 0, &y);
    atm__dnnl_posts(d, n, in_place, m->has_bias ? 3 : 2, &y);
    return true;
}

static enum atm_status matmul_offer(const struct atm__lower *l,
                                    const struct atm_node *n,
                                    struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_matmul}};
    struct atm_layout layout[2];
    dnnl_primitive_desc_t pd;
    const char *impl;
    uint32_t i, j, residual;
    struct matmul m;
    bool in_place;
    enum atm_status st;

    if (!read_node(l, n, &m))
        return ATM_OK;
    for (i = 0; i < 2; i++) {
        layout[i] = atm_layout_plain(m.y.rank);
        for (j = 0; j < m.y.rank; j++)
            layout[i].order[m.perm[i][j]] = (uint8_t)j;
    }
    residual = m.has_bias ? 3 : 2;
    in_place = m.residual != ATM_NONE && atm__lower_dies(l, m.residual);
    if (!describe(n, &m, layout, in_place, &d) ||
        !atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena,
                            residual + (m.residual != ATM_NONE), o);
    if (st)
        return st;
    for (i = 0; i < 2; i++) {
        o->in[i] = atm__use_of(l, n->in[i], &layout[i]);
        o->in[i].seen = m.seen[i];
        o->in[i].shape = m.shape[i];
        memcpy(o->in[i].perm, m.perm[i], sizeof(m.perm[i]));
    }
    if (m.has_bias) {
        o->in[2] = atm__use_plain(l, n->in[2]);
        o->in[2].seen = o->in[2].shape = m.bias;
        o->in[2].layout = atm_layout_plain(2);
    }
    if (m.residual != ATM_NONE)
        o->in[residual] = atm__use_plain(l, m.residual);
    if (in_place)
        o->pair[o->n_pairs++] = (struct atm_pair){residual, 0, true};
    o->out[0] = atm__use_plain(l, n->out[0]);
    return ATM_OK;
}

const struct atm__kernel_impl atm__impl_dnnl_matmul = {
    .name = "dnnl_matmul", .offer = matmul_offer, ATM__DNNL_KERNEL};
