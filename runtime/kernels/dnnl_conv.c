/* dnnl_conv.c - Conv by oneDNN's direct convolutions: channels in blocks of
 * the vector width, weights packed at load, bias, sum and activation fused.
 * ConvTranspose by its deconvolutions, with bias, in the same layouts.
 *
 * The layout is forced, not asked for: with AVX-512 `any` gives channels-last
 * everywhere, which is slower for large images and for depthwise, and mixes
 * badly with what stays blocked. Only where a window slides over a small image
 * is channels-last worth two reorders: there weights dominate, and oneDNN's
 * batched gemm streams them 10-40 % faster (ResNet-50 in all: 6 %). A stem with
 * up to 3 channels reads row-major. What has no blocked implementation (groups
 * of odd size) runs row-major by gemm. */
#include "dnnl_util.h"
#include "shape.h"

#include <string.h>

struct conv {
    const struct atm__lower *l;
    const struct atm_node *n;
    bool transposed;
    struct atm_window w;
    int64_t group;
    struct atm_shape weights; /* with the group dimension, if any */
    bool bias;
    uint32_t residual; /* value that a post adds, or ATM_NONE */
};

static bool read_node(const struct atm__lower *l, const struct atm_node *n,
                      struct conv *c)
{
    const struct atm_shape *x, *k;
    uint32_t i;

    *c = (struct conv){.l = l, .n = n};
    c->transposed = strcmp(n->op->name, "ConvTranspose") == 0;
    if (!c->transposed && strcmp(n->op->name, "Conv") != 0)
        return false;
    x = &l->g->value[n->in[0]].shape;
    k = &l->g->value[n->in[1]].shape;
    if (!atm__dnnl_f32(l, n) || x->rank < 3 || x->rank > 5 ||
        (c->transposed ? atm_window_transposed : atm_window_infer)(n, x, k,
                                                                   &c->w))
        return false;
    c->group = atm_node_int(n, "group", 1);
    c->bias = atm__own_inputs(n) > 2 && n->in[2] != ATM_NONE;
    c->weights = *k;
    if (c->group > 1) {
        c->weights.rank = k->rank + 1;
        c->weights.dim[0] = c->group;
        c->weights.dim[1] = k->dim[0] / c->group;
        for (i = 1; i < k->rank; i++)
            c->weights.dim[i + 1] = k->dim[i];
    }
    return atm__residual(n, &c->residual);
}

/* Dimension of the output channels in the weights as the library names them;
 * the input channels follow. */
static uint32_t out_channels(const struct conv *c)
{
    return c->group > 1 ? 1 : 0;
}

/* ONNX has the two the other way round in ConvTranspose. */
static uint8_t swapped(const struct conv *c, uint8_t dim)
{
    uint32_t o = out_channels(c);

    return c->transposed && (dim == o || dim == o + 1)
               ? (uint8_t)(2 * o + 1 - dim) : dim;
}

static void swap_channels(const struct conv *c, struct atm_layout *l)
{
    uint32_t i;

    for (i = 0; i < c->weights.rank; i++)
        l->order[i] = swapped(c, l->order[i]);
    for (i = 0; i < l->n_blocks; i++)
        l->dim[i] = swapped(c, l->dim[i]);
}

static bool describe(const struct conv *c, const struct atm_layout *src_layout,
                     const struct atm_layout *dst_layout,
                     struct atm__dnnl_detail *d)
{
    const struct atm_value *v = c->l->g->value;
    dnnl_dims_t stride = {0}, dilate = {0}, begin = {0}, end = {0};
    dnnl_memory_desc_t src, weights, bias, dst;
    struct atm_layout plain = atm_layout_plain(1);
    struct atm_shape x = v[c->n->in[0]].shape, k = c->weights;
    uint8_t i;

    for (i = 0; i < k.rank; i++)
        k.dim[i] = c->weights.dim[swapped(c, i)];
    /* Fewer channels than a block: jit code refuses them, yet the bytes are
     * those of a full block whose last channels are zero. */
    if (src_layout->n_blocks && c->group == 1 &&
        x.dim[1] < src_layout->block[0])
        x.dim[1] = k.dim[1] = src_layout->block[0];
    if (!atm__dnnl_md(&x, src_layout, &src) ||
        !atm__dnnl_md(&v[c->n->out[0]].shape, dst_layout, &dst) ||
        !atm__dnnl_md_any(&k, &weights) ||
        (c->bias &&
         !atm__dnnl_md(&v[c->n->in[2]].shape, &plain, &bias)))
        return false;
    for (i = 0; i < c->w.rank; i++) {
        stride[i] = c->w.stride[i];
        dilate[i] = c->w.dilation[i] - 1;
        begin[i] = c->w.begin[i];
        end[i] = c->w.end[i];
    }
    if ((c->transposed ? dnnl_dilated_deconvolution_forward_desc_init
                       : dnnl_dilated_convolution_forward_desc_init)(
            &d->op.conv, dnnl_forward_inference,
            c->transposed ? dnnl_deconvolution_direct : dnnl_convolution_direct,
            &src, &weights, c->bias ? &bias : NULL, &dst, stride, dilate, begin,
            end))
        return false;
    (void)atm__dnnl_arg(d, DNNL_ARG_SRC, false, 0, &src);
    (void)atm__dnnl_arg(d, DNNL_ARG_WEIGHTS, false, 1, &weights);
    if (c->bias)
        (void)atm__dnnl_arg(d, DNNL_ARG_BIAS, false, 2, &bias);
    (void)atm__dnnl_arg(d, DNNL_ARG_DST, true, 0, &dst);
    return true;
}

/* One pair of layouts: is there a good implementation, whose name begins with
 * `only`? Then offers it. */
static enum atm_status try(const struct conv *c,
                           const struct atm_layout *src_layout,
                           const struct atm_layout *dst_layout,
                           bool in_place, const char *only,
                           struct atm__offer *o)
{
    const struct atm_node *n = c->n;
    struct atm__dnnl_detail d = {.base = {&atm__impl_dnnl_conv}};
    uint32_t residual = c->bias ? 3 : 2; /* its operand */
    struct atm_layout weights;
    dnnl_primitive_desc_t pd;
    const char *impl;
    uint64_t bytes;
    bool fits;
    enum atm_status st;

    if (!describe(c, src_layout, dst_layout, &d))
        return ATM_OK;
    atm__dnnl_posts(&d, n, in_place, residual, &d.op.conv.dst_desc);
    if (!atm__dnnl_find(c->l->dnnl, &d, &pd, &impl))
        return ATM_OK;
    fits = strncmp(impl, only, strlen(only)) == 0 &&
           atm__dnnl_chosen(pd, dnnl_query_weights_md, 0, &d.arg[1].md,
                            &weights);
    if (fits)
        swap_channels(c, &weights);
    if (!fits || atm_layout_bytes(&weights, &c->weights, ATM_F32, &bytes) ||
        bytes != dnnl_memory_desc_get_size(&d.arg[1].md)) {
        (void)dnnl_primitive_desc_destroy(pd);
        return ATM_OK;
    }
    d.op.conv.weights_desc = d.arg[1].md;
    st = atm__dnnl_offer(c->l->p->arena, pd, impl, &d, o);
    (void)dnnl_primitive_desc_destroy(pd);
    if (!st)
        st = atm__dnnl_room(c->l->p->arena,
                            residual + (c->residual != ATM_NONE), o);
    if (st)
        return st;
    o->in[0] = atm__use_of(c->l, n->in[0], src_layout);
    o->in[1] = atm__use_of(c->l, n->in[1], &weights);
    o->in[1].seen = o->in[1].shape = c->weights;
    if (c->bias)
        o->in[2] = atm__use_plain(c->l, n->in[2]);
    if (c->residual != ATM_NONE)
        o->in[residual] = atm__use_of(c->l, c->residual, dst_layout);
    if (in_place)
        o->pair[o->n_pairs++] = (struct atm_pair){residual, 0, true};
    o->out[0] = atm__use_of(c->l, n->out[0], dst_layout);
    return ATM_OK;
}

/* Channels last, for a window over an image of at most so many columns that
 * has enough channels to pay for the reorders. */
#define SMALL_IMAGE 28
#define MANY_CHANNELS 128

static enum atm_status try_channels_last(const struct conv *c, bool in_place,
                                         struct atm__offer *o)
{
    struct atm_layout last = atm_layout_plain(c->w.rank + 2);
    int64_t window = 1;
    uint32_t i;

    for (i = 0; i < c->w.rank; i++) {
        if (c->w.out[i] > SMALL_IMAGE)
            return ATM_OK;
        window *= c->w.kernel[i];
        last.order[i + 1] = (uint8_t)(i + 2);
    }
    last.order[c->w.rank + 1] = 1;
    if (window == 1 || c->group > 1 || c->w.rank != 2 || c->transposed ||
        c->weights.dim[0] < MANY_CHANNELS ||
        c->weights.dim[1] < MANY_CHANNELS)
        return ATM_OK;
    return try(c, &last, &last, in_place, "brgconv", o);
}

static enum atm_status conv_offer(const struct atm__lower *l,
                                  const struct atm_node *n,
                                  struct atm__offer *o)
{
    struct atm_layout plain, blocked, now;
    bool in_place, was_plain;
    struct conv c;
    enum atm_status st = ATM_OK;

    if (!read_node(l, n, &c))
        return ATM_OK;
    plain = atm_layout_plain(c.w.rank + 2);
    blocked = atm__dnnl_blocked(l->dnnl, c.w.rank + 2);
    now = atm__lower_layout(l, n->in[0]);
    was_plain = atm_layout_is_plain(&now, c.w.rank + 2);
    in_place = c.residual != ATM_NONE && atm__lower_dies(l, c.residual);
    if (was_plain && c.group == 1 && !c.transposed && c.weights.dim[1] <= 3)
        st = try(&c, &plain, &blocked, in_place, "", o);
    if (!st && !o->by)
        st = try_channels_last(&c, in_place, o);
    if (!st && !o->by)
        st = try(&c, &blocked, &blocked, in_place, "", o);
    if (!st && !o->by)
        st = try(&c, &plain, &plain, in_place, "", o);
    return st;
}

const struct atm__kernel_impl atm__impl_dnnl_conv = {
    .name = "dnnl_conv", .offer = conv_offer, ATM__DNNL_KERNEL};
