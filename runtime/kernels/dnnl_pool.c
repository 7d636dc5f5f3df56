/* dnnl_pool.c - MaxPool, AveragePool and their global forms by oneDNN, in the
 * layout in which the input is. */
#include "dnnl_util.h"
#include "shape.h"

#include <string.h>

struct pool {
    dnnl_alg_kind_t alg;
    struct atm_window w;
};

static bool read_node(const struct atm__lower *l, const struct atm_node *n,
                      struct pool *p)
{
    const struct atm_shape *x = &l->g->value[n->in[0]].shape;
    const char *op = n->op->name;
    bool max = strcmp(op, "MaxPool") == 0;
    uint32_t i;

    if (strcmp(op, "GlobalAveragePool") == 0 ||
        strcmp(op, "GlobalMaxPool") == 0) {
        p->alg = op[6] == 'M' ? dnnl_pooling_max
                              : dnnl_pooling_avg_exclude_padding;
        p->w = (struct atm_window){.rank = x->rank - 2};
        for (i = 0; i < p->w.rank; i++) {
            p->w.in[i] = p->w.kernel[i] = x->dim[i + 2];
            p->w.stride[i] = p->w.dilation[i] = p->w.out[i] = 1;
        }
        return true;
    }
    if (!max && strcmp(op, "AveragePool") != 0)
        return false;
    p->alg = max ? dnnl_pooling_max
             : atm_node_int(n, "count_include_pad", 0)
                 ? dnnl_pooling_avg_include_padding
                 : dnnl_pooling_avg_exclude_padding;
    if (atm_window_infer(n, x, NULL, &p->w))
        return false;
    for (i = 0; i < p->w.rank; i++) {
        int64_t reach = (p->w.out[i] - 1) * p->w.stride[i] +
                        (p->w.kernel[i] - 1) * p->w.dilation[i] + 1;
        int64_t beyond = reach - p->w.in[i] - p->w.begin[i];

        /* a last window that hangs over (ceil_mode) is padding to oneDNN;
         * an average that counts padding would count it too */
        if (beyond > p->w.end[i]) {
            if (p->alg == dnnl_pooling_avg_include_padding)
                return false;
            p->w.end[i] = beyond;
        }
    }
    return true;
}

static bool describe(const struct atm__lower *l, const struct atm_node *n,
                     const struct pool *p, const struct atm_layout *layout,
                     struct atm__dnnl_detail *d)
{
    dnnl_dims_t stride = {0}, kernel = {0}, dilate = {0}, begin = {0};
    dnnl_dims_t end = {0};
    dnnl_memory_desc_t src, dst;
    uint32_t i;

    for (i = 0; i < p->w.rank; i++) {
        stride[i] = p->w.stride[i];
        kernel[i] = p->w.kernel[i];
        dilate[i] = p->w.dilation[i] - 1;
        begin[i] = p->w.begin[i];
        end[i] = p->w.end[i];
    }
    if (!atm__dnnl_md(&l->g->value[n->in[0]].shape, layout, &src) ||
        !atm__dnnl_md(&l->g->value[n->out[0]].shape, layout, &dst) ||
        dnnl_pooling_v2_forward_desc_init(&d->op.pool, dnnl_forward_inference,
                                          p->alg, &src, &dst, stride, kernel,
                                          dilate, begin, end))
        return false;
    (void)atm__dnnl_arg(d, DNNL_ARG_SRC, false, 0, &src);
    (void)atm__dnnl_arg(d, DNNL_ARG_DST, true, 0, &dst);
    return true;
}

static enum atm_status try(const struct atm__lower *l,
                           const struct atm_node *n, const struct pool *p,
                           const struct atm_layout *layout,
                           struct atm__offer *o)
{
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_pool}};
    dnnl_primitive_desc_t pd;
    const char *impl;
    enum atm_status st;

    if (!describe(l, n, p, layout, &d) ||
        !atm__dnnl_find(l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    st = atm__dnnl_offer(l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(l->p->arena, 1, o);
    if (st)
        return st;
    o->in[0] = atm__use_of(l, n->in[0], layout);
    o->out[0] = atm__use_of(l, n->out[0], layout);
    return ATM_OK;
}

static enum atm_status pool_offer(const struct atm__lower *l,
                                  const struct atm_node *n,
                                  struct atm__offer *o)
{
    struct atm_layout now, other;
    struct pool p;
    uint32_t rank;
    enum atm_status st;

    if (!strstr(n->op->name, "Pool") || !atm__dnnl_f32(l, n) ||
        l->g->value[n->in[0]].shape.rank < 3 ||
        l->g->value[n->in[0]].shape.rank > 5 || !read_node(l, n, &p))
        return ATM_OK;
    rank = p.w.rank + 2;
    now = atm__lower_layout(l, n->in[0]);
    st = try(l, n, &p, &now, o);
    other = atm__dnnl_blocked(l->dnnl, rank);
    if (!st && !o->by && !atm_layout_equal(&now, &other, rank))
        st = try(l, n, &p, &other, o);
    return st;
}

const struct atm__kernel_impl atm__impl_dnnl_pool = {
    .name = "dnnl_pool", .offer = pool_offer, ATM__DNNL_KERNEL};
