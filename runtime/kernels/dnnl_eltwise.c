/* dnnl_eltwise.c - unary functions by oneDNN, in whatever layout the input is
 * (the library keeps block padding zero). Only functions whose jit code agrees
 * with the C library's to float precision over their whole range, save that
 * denormal results become zero and that Relu and Clip give a bound for NaN. */
#include "dnnl_util.h"

#include <math.h>
#include <string.h>

struct unary {
    const char *op;
    dnnl_alg_kind_t alg;
    float alpha; /* default of attribute alpha */
};

static const struct unary unaries[] = {
    {"Relu", dnnl_eltwise_relu, 0},
    {"LeakyRelu", dnnl_eltwise_relu, 0.01f},
    {"Elu", dnnl_eltwise_elu, 1},
    {"Clip", dnnl_eltwise_clip, 0},
    {"Sigmoid", dnnl_eltwise_logistic, 0},
    {"Tanh", dnnl_eltwise_tanh, 0},
    {"Sqrt", dnnl_eltwise_sqrt, 0},
    {"Abs", dnnl_eltwise_abs, 0},
    {"HardSwish", dnnl_eltwise_hardswish, 0},
};

static const struct unary *find(const char *op)
{
    uint32_t i;

    for (i = 0; i < sizeof(unaries) / sizeof(*unaries); i++)
        if (strcmp(unaries[i].op, op) == 0)
            return &unaries[i];
    return NULL;
}

/* A bound of Clip: attribute before opset 11, a constant input since. */
static bool bound(const struct atm__lower *l, const struct atm_node *n,
                  const char *attr, uint32_t in, float dflt, float *to)
{
    *to = atm_node_float(n, attr, dflt);
    if (in >= n->n_in || n->in[in] == ATM_NONE)
        return true;
    return l->g->value[n->in[in]].constant != ATM_NONE &&
           atm_constant_read(l->g, n->in[in], 0, sizeof(*to), to) == ATM_OK;
}

static enum atm_status try(const struct atm__lower *l,
                           const struct atm_node *n, dnnl_alg_kind_t alg,
                           const float bounds[2],
                           const struct atm_layout *layout,
                           struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_eltwise}};
    dnnl_memory_desc_t md;
    dnnl_primitive_desc_t pd;
    const char *impl;
    enum atm_status st;

    if (!atm__dnnl_md(&l->g->value[n->in[0]].shape, layout, &md) ||
        dnnl_eltwise_forward_desc_init(&d.op.eltwise, dnnl_forward_inference,
                                       alg, &md, bounds[0], bounds[1]))
        return ATM_OK;
    (void)atm__dnnl_arg(&d, DNNL_ARG_SRC, false, 0, &md);
    (void)atm__dnnl_arg(&d, DNNL_ARG_DST, true, 0, &md);
    if (!atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena, 1, o);
    if (st)
        return st;
    o->in[0] = atm__use_of(l, n->in[0], layout);
    o->out[0] = atm__use_of(l, n->out[0], layout);
    o->pair[o->n_pairs++] = (struct atm_pair){0, 0, false};
    /* the bounds of Clip are not attributes since opset 11 */
    memcpy(&o->flavour, bounds, sizeof(o->flavour));
    return ATM_OK;
}

static enum atm_status eltwise_offer(const struct atm__lower *l,
                                     const struct atm_node *n,
                                     struct atm__offer *o)
{
    const struct unary *u = find(n->op->name);
    struct atm_layout now, plain;
    float bounds[2] = {0, 0}; /* or alpha */
    uint32_t rank;
    enum atm_status st;

    if (!u || !atm__dnnl_f32(l, n))
        return ATM_OK;
    rank = l->g->value[n->in[0]].shape.rank;
    bounds[0] = atm_node_float(n, "alpha", u->alpha);
    if (u->alg == dnnl_eltwise_clip &&
        (!bound(l, n, "min", 1, -INFINITY, &bounds[0]) ||
         !bound(l, n, "max", 2, INFINITY, &bounds[1]) ||
         !(bounds[0] <= bounds[1])))
        return ATM_OK;
    now = atm__lower_layout(l, n->in[0]);
    st = try(l, n, u->alg, bounds, &now, o);
    plain = atm_layout_plain(rank);
    /* what does not keep padding zero is refused in unfilled blocks */
    if (!st && !o->by && !atm_layout_is_plain(&now, rank))
        st = try(l, n, u->alg, bounds, &plain, o);
    return st;
}

const struct atm__kernel_impl atm__impl_dnnl_eltwise = {
    .name = "dnnl_eltwise", .offer = eltwise_offer, ATM__DNNL_KERNEL};
