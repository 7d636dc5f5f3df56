/* dnnl_binary.c - Add, Sub, Mul, Div, Max and Min of two operands by oneDNN:
 * equal shapes in any common layout, or the second (for commutative ones:
 * either) broadcast. */
#include "dnnl_util.h"

#include <string.h>

static const struct {
    const char *op;
    dnnl_alg_kind_t alg;
    bool swaps;
} binaries[] = {
    {"Add", dnnl_binary_add, true},  {"Mul", dnnl_binary_mul, true},
    {"Sub", dnnl_binary_sub, false}, {"Div", dnnl_binary_div, false},
    {"Max", dnnl_binary_max, true},  {"Min", dnnl_binary_min, true},
};

struct pair {
    dnnl_alg_kind_t alg;
    uint32_t a, b;        /* values; a has the shape of the output */
    struct atm_shape b_shape; /* of b with leading ones */
    bool equal;
};

static bool read_node(const struct atm__lower *l, const struct atm_node *n,
                      struct pair *p)
{
    const struct atm_value *v = l->g->value;
    const struct atm_shape *y = &v[n->out[0]].shape, *b;
    uint32_t i, k, lead;

    for (k = 0; k < sizeof(binaries) / sizeof(*binaries); k++)
        if (strcmp(binaries[k].op, n->op->name) == 0)
            break;
    if (k == sizeof(binaries) / sizeof(*binaries) || n->n_in != 2)
        return false;
    *p = (struct pair){.alg = binaries[k].alg, .a = n->in[0], .b = n->in[1]};
    if (!atm_shape_equal(&v[p->a].shape, y) && binaries[k].swaps) {
        p->a = n->in[1];
        p->b = n->in[0];
    }
    b = &v[p->b].shape;
    if (!atm_shape_equal(&v[p->a].shape, y) || b->rank > y->rank)
        return false;
    p->equal = atm_shape_equal(b, y);
    /* opset 6 broadcasts by an axis */
    if (!p->equal && n->opset < 7)
        return false;
    lead = y->rank - b->rank;
    p->b_shape = *y;
    for (i = 0; i < y->rank; i++)
        p->b_shape.dim[i] = i < lead ? 1 : b->dim[i - lead];
    return true;
}

static enum atm_status try(const struct atm__lower *l,
                           const struct atm_node *n, const struct pair *p,
                           const struct atm_layout *layout,
                           struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_binary}};
    const struct atm_shape *y = &l->g->value[n->out[0]].shape;
    struct atm_layout second = p->equal ? *layout : atm_layout_plain(y->rank);
    dnnl_memory_desc_t a, b;
    dnnl_primitive_desc_t pd;
    const char *impl;
    enum atm_status st;

    if (!atm__dnnl_md(y, layout, &a) ||
        !atm__dnnl_md(&p->b_shape, &second, &b) ||
        dnnl_binary_desc_init(&d.op.binary, p->alg, &a, &b, &a))
        return ATM_OK;
    (void)atm__dnnl_arg(&d, DNNL_ARG_SRC_0, false, 0, &a);
    (void)atm__dnnl_arg(&d, DNNL_ARG_SRC_1, false, 1, &b);
    (void)atm__dnnl_arg(&d, DNNL_ARG_DST, true, 0, &a);
    if (!atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena, 2, o);
    if (st)
        return st;
    o->in[0] = atm__use_of(l, p->a, layout);
    o->in[1] = atm__use_of(l, p->b, &second);
    o->in[1].seen = o->in[1].shape = p->b_shape;
    o->out[0] = atm__use_of(l, n->out[0], layout);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    return ATM_OK;
}

static enum atm_status binary_offer(const struct atm__lower *l,
                                    const struct atm_node *n,
                                    struct atm__offer *o)
{
    struct atm_layout first, other;
    uint32_t rank;
    struct pair p;
    enum atm_status st;

    if (n->n_in != 2 || !atm__dnnl_f32(l, n) || !read_node(l, n, &p))
        return ATM_OK;
    rank = l->g->value[n->out[0]].shape.rank;
    first = atm__lower_layout(l, p.a);
    other = atm__lower_layout(l, p.b);
    /* follow the operand that is blocked already */
    if (p.equal && atm_layout_is_plain(&first, rank))
        first = other;
    st = try(l, n, &p, &first, o);
    other = atm_layout_plain(rank);
    if (!st && !o->by && !atm_layout_is_plain(&first, rank))
        st = try(l, n, &p, &other, o);
    return st;
}

const struct atm__kernel_impl atm__impl_dnnl_binary = {
    .name = "dnnl_binary", .offer = binary_offer, ATM__DNNL_KERNEL};
