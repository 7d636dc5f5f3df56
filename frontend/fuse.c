/* fuse.c - what follows a Conv, Gemm or MatMul moves into it, so that the
 * result is written once and read by fewer kernels:
 *
 *     Conv, BatchNormalization | Mul | Add by channel   weights and bias
 *     MatMul | Gemm, Add of a row                       Gemm's third input
 *     Conv + other                                      ATM_POST_ADD
 *     Relu | Clip                                       ATM_POST_RELU | CLIP
 *
 * Each pass walks the nodes once over tables made before it. A fused node
 * stays where it is and takes over the result of the node that it swallowed.*/
#include "autotm/frontend.h"

#include "arena.h"
#include "autotm/op.h"
#include "passes.h"

#include <math.h>
#include <string.h>

struct fuse {
    struct atm_graph *g;
    struct atm__names names;
    uint32_t n; /* values when the tables were made */
    struct use {
        uint32_t readers;      /* inputs that name it; an output counts */
        uint32_t last, before; /* the last two nodes that read it */
        uint32_t producer;     /* ATM_NONE: input or constant */
        bool output, aliased;  /* aliased: a view's source or result */
    } * use;
    bool *drop;
};

static bool is_op(const struct atm_node *n, const char *name)
{
    return strcmp(n->op->name, name) == 0 && !*n->op->domain;
}

static enum atm_status make_tables(struct fuse *f)
{
    struct atm_graph *g = f->g;
    uint32_t i, k;

    atm_free(f->use);
    f->n = g->n_values;
    f->use = atm_alloc_array(f->n, sizeof(*f->use));
    if (!f->use)
        return ATM_NOMEM;
    for (i = 0; i < f->n; i++)
        f->use[i].last = f->use[i].before = f->use[i].producer = ATM_NONE;
    for (i = 0; i < g->n_outputs; i++) {
        f->use[g->output[i]].output = true;
        f->use[g->output[i]].readers++;
    }
    for (i = 0; i < g->n_nodes; i++) {
        const struct atm_node *n = &g->node[i];
        bool view = n->op->flags & ATM_OP_VIEW;

        if (f->drop[i])
            continue;
        for (k = 0; k < n->n_in; k++) {
            struct use *u = n->in[k] == ATM_NONE ? NULL : &f->use[n->in[k]];

            if (!u)
                continue;
            u->readers++;
            u->before = u->last == i ? u->before : u->last;
            u->last = i;
            u->aliased |= view;
        }
        for (k = 0; k < n->n_out; k++)
            if (n->out[k] != ATM_NONE) {
                f->use[n->out[k]].producer = i;
                f->use[n->out[k]].aliased |= view;
            }
    }
    return ATM_OK;
}

/* The producer of an operand that nobody else reads and that is float; null
 * otherwise. */
static struct atm_node *sole_producer(const struct fuse *f, uint32_t value)
{
    if (value == ATM_NONE || value >= f->n ||
        f->use[value].producer == ATM_NONE || f->use[value].readers != 1 ||
        f->use[value].output || f->g->value[value].dtype != ATM_F32)
        return NULL;
    return &f->g->node[f->use[value].producer];
}

/* Node `index` disappears; `into` makes its result. */
static void swallow(struct fuse *f, uint32_t index, struct atm_node *into)
{
    into->out[0] = f->g->node[index].out[0];
    f->use[into->out[0]].producer = (uint32_t)(into - f->g->node);
    f->drop[index] = true;
}

static enum atm_status append_input(struct atm_graph *g, struct atm_node *n,
                                    uint32_t value)
{
    uint32_t *in = atm_arena_array(g->arena, n->n_in + 1, sizeof(*in));

    if (!in)
        return ATM_NOMEM;
    memcpy(in, n->in, n->n_in * sizeof(*in));
    in[n->n_in++] = value;
    n->in = in;
    return ATM_OK;
}

/* ---- conv, then an affine map of its channels ---- */

/* scale and shift of each channel; scale null: 1. */
struct affine {
    int64_t channels;
    double *scale, *shift;
};

/* Reads a float constant of n elements, or of one that stands for all. */
static enum atm_status read_floats(const struct atm_graph *g, uint32_t value,
                                   int64_t n, double *to)
{
    uint64_t bytes = g->constant[g->value[value].constant].bytes;
    float *from = atm_alloc((size_t)bytes);
    enum atm_status st;
    int64_t i;

    if (!from)
        return ATM_NOMEM;
    st = atm_constant_read(g, value, 0, bytes, from);
    for (i = 0; !st && i < n; i++)
        to[i] = (double)from[bytes == sizeof(*from) ? 0 : i];
    atm_free(from);
    return st;
}

static bool is_float_constant(const struct atm_graph *g, uint32_t value)
{
    return value != ATM_NONE && g->value[value].constant != ATM_NONE &&
           g->value[value].dtype == ATM_F32;
}

/* Are the dimensions of an operand the last ones of the result? Before opset 7
 * `axis` may say otherwise. */
static bool aligned_right(const struct atm_node *n, const struct atm_shape *s,
                          const struct atm_shape *y)
{
    int64_t axis = n->opset < 7 ? atm_node_int(n, "axis", -1) : -1;

    return s->rank <= y->rank && (axis < 0 || axis == y->rank - s->rank);
}

/* May the constant stand for one number a channel of the result? */
static bool by_channel(const struct atm_graph *g, const struct atm_node *n,
                       uint32_t value, const struct atm_shape *y)
{
    const struct atm_shape *s = &g->value[value].shape;
    uint32_t i, axis;

    if (!is_float_constant(g, value))
        return false;
    if (n->opset < 7 && s->rank == 1 && y->rank > 1)
        return atm_node_int(n, "axis", -1) == 1 && s->dim[0] == y->dim[1];
    if (!aligned_right(n, s, y))
        return false;
    for (i = 0; i < s->rank; i++) {
        axis = y->rank - s->rank + i;
        if (s->dim[i] != 1 && (axis != 1 || s->dim[i] != y->dim[1]))
            return false;
    }
    return true;
}

/* The affine map that node n applies to its operand x, if it is one. */
static enum atm_status affine_of(const struct fuse *f, const struct atm_node *n,
                                 uint32_t x, struct affine *a, bool *is)
{
    const struct atm_graph *g = f->g;
    const struct atm_shape *y = &g->value[n->out[0]].shape;
    uint32_t other, k;
    double *mean = a->scale, *var = a->shift;
    enum atm_status st = ATM_OK;
    int64_t c;

    *is = false;
    if (is_op(n, "Add") || is_op(n, "Mul")) {
        other = n->in[0] == x ? n->in[1] : n->in[0];
        if (!by_channel(g, n, other, y))
            return ATM_OK;
        *is = true;
        for (c = 0; c < a->channels; c++) {
            a->scale[c] = 1;
            a->shift[c] = 0;
        }
        return read_floats(g, other, a->channels,
                           is_op(n, "Add") ? a->shift : a->scale);
    }
    if (!is_op(n, "BatchNormalization") || n->in[0] != x || n->n_out != 1 ||
        atm_node_int(n, "training_mode", 0))
        return ATM_OK;
    for (k = 1; k < 5; k++)
        if (!is_float_constant(g, n->in[k]) ||
            g->value[n->in[k]].shape.rank != 1)
            return ATM_OK;
    *is = true;
    mean = atm_alloc_array(2 * (size_t)a->channels, sizeof(*mean));
    if (!mean)
        return ATM_NOMEM;
    var = mean + a->channels;
    st = read_floats(g, n->in[1], a->channels, a->scale);
    if (!st)
        st = read_floats(g, n->in[2], a->channels, a->shift);
    if (!st)
        st = read_floats(g, n->in[3], a->channels, mean);
    if (!st)
        st = read_floats(g, n->in[4], a->channels, var);
    for (c = 0; !st && c < a->channels; c++) {
        a->scale[c] /=
            sqrt(var[c] + (double)atm_node_float(n, "epsilon", 1e-5f));
        a->shift[c] -= mean[c] * a->scale[c];
    }
    atm_free(mean);
    return st;
}

static enum atm_status scaled_weight(struct fuse *f, struct atm_node *conv,
                                     const struct affine *a)
{
    struct atm_graph *g = f->g;
    uint32_t old = conv->in[1], id;
    const struct atm_constant *w = &g->constant[g->value[old].constant];
    struct atm_constant c = {.kind = ATM_CONST_ROW_SCALE,
                             .bytes = w->bytes,
                             .source = g->value[old].constant};
    float *scale =
        atm_arena_array(g->arena, (size_t)a->channels, sizeof(*scale));
    struct atm_shape shape = g->value[old].shape;
    enum atm_status st;
    int64_t i;

    if (!scale)
        return ATM_NOMEM;
    for (i = 0; i < a->channels; i++)
        scale[i] =
            (float)(a->scale[i] *
                    (w->kind == ATM_CONST_ROW_SCALE ? (double)w->scale[i] : 1));
    if (w->kind == ATM_CONST_ROW_SCALE)
        c.source = w->source;
    c.scale = scale;
    st = atm__derived_value(g, &f->names, old, "scaled", ATM_F32, &shape, &id);
    if (!st)
        st = atm_graph_add_constant(g, &c, &g->value[id].constant);
    conv->in[1] = id;
    return st;
}

static enum atm_status shifted_bias(struct fuse *f, struct atm_node *conv,
                                    const struct affine *a)
{
    struct atm_graph *g = f->g;
    struct atm_constant c = {.kind = ATM_CONST_INLINE,
                             .bytes = (uint64_t)a->channels * sizeof(float)};
    struct atm_shape shape = {1, {a->channels}};
    bool has = conv->n_in > 2 && conv->in[2] != ATM_NONE;
    double *bias = atm_alloc_array((size_t)a->channels, sizeof(*bias));
    float *sum = atm_alloc_array((size_t)a->channels, sizeof(*sum));
    enum atm_status st = bias && sum ? ATM_OK : ATM_NOMEM;
    uint32_t id;
    int64_t i;

    if (!st && has)
        st = read_floats(g, conv->in[2], a->channels, bias);
    for (i = 0; !st && i < a->channels; i++)
        sum[i] = (float)(bias[i] * a->scale[i] + a->shift[i]);
    c.data = sum;
    if (!st)
        st = atm__derived_value(g, &f->names, conv->out[0], "bias", ATM_F32,
                                &shape, &id);
    if (!st)
        st = atm_graph_add_constant(g, &c, &g->value[id].constant);
    if (!st && conv->n_in > 2)
        conv->in[2] = id;
    else if (!st)
        st = append_input(g, conv, id);
    atm_free(bias);
    atm_free(sum);
    return st;
}

/* A Conv whose weights may be rewritten. */
static bool affine_conv(const struct fuse *f, const struct atm_node *n)
{
    const struct atm_graph *g = f->g;

    return n && is_op(n, "Conv") && n->n_post == 0 &&
           is_float_constant(g, n->in[1]) &&
           (n->n_in < 3 || n->in[2] == ATM_NONE ||
            is_float_constant(g, n->in[2])) &&
           g->value[n->in[1]].shape.dim[0] > 0 &&
           (uint64_t)g->value[n->in[1]].shape.dim[0] <=
               ATM_INLINE_MAX / sizeof(float);
}

static enum atm_status fuse_affine(struct fuse *f, uint32_t index)
{
    struct atm_node *n = &f->g->node[index], *conv = NULL;
    const struct atm_value *y = &f->g->value[n->out[0]];
    enum atm_status st;
    struct affine a;
    bool is;
    uint32_t k;

    for (k = 0; k < 2 && k < n->n_in && !affine_conv(f, conv); k++)
        conv = sole_producer(f, n->in[k]);
    if (!affine_conv(f, conv) ||
        !atm_shape_equal(&f->g->value[conv->out[0]].shape, &y->shape))
        return ATM_OK;
    a.channels = f->g->value[conv->in[1]].shape.dim[0];
    a.scale = atm_alloc_array(2 * (size_t)a.channels, sizeof(*a.scale));
    if (!a.scale)
        return ATM_NOMEM;
    a.shift = a.scale + a.channels;
    st = affine_of(f, n, conv->out[0], &a, &is);
    if (!st && is && !is_op(n, "Add"))
        st = scaled_weight(f, conv, &a);
    if (!st && is && !(is_op(n, "Mul") && conv->n_in < 3))
        st = shifted_bias(f, conv, &a);
    if (!st && is)
        swallow(f, index, conv);
    atm_free(a.scale);
    return st;
}

/* ---- matrix product, then a row ---- */

static enum atm_status fuse_row(struct fuse *f, uint32_t index)
{
    struct atm_graph *g = f->g;
    struct atm_node *n = &g->node[index], *m;
    const struct atm_shape *s, *y = &g->value[n->out[0]].shape;
    struct atm_attr broadcast = {
        .name = "broadcast", .kind = ATM_ATTR_INT, .i = 1};
    enum atm_status st;
    uint32_t k, row;

    if (!is_op(n, "Add"))
        return ATM_OK;
    k = sole_producer(f, n->in[0]) ? 0 : 1;
    m = sole_producer(f, n->in[k]);
    row = n->in[1 - k];
    if (!m || m->n_post > 0 || y->rank != 2 || !is_float_constant(g, row) ||
        !atm_shape_equal(&g->value[m->out[0]].shape, y))
        return ATM_OK;
    s = &g->value[row].shape;
    if (s->rank == 0 || !aligned_right(n, s, y) ||
        s->dim[s->rank - 1] != y->dim[1] || (s->rank == 2 && s->dim[0] != 1))
        return ATM_OK;
    if (is_op(m, "MatMul")) {
        if (g->value[m->in[0]].shape.rank != 2 ||
            g->value[m->in[1]].shape.rank != 2)
            return ATM_OK;
        if (m->opset < 7) {
            m->attr = atm_arena_memdup(g->arena, &broadcast, sizeof(broadcast));
            if (!m->attr)
                return ATM_NOMEM;
            m->n_attr = 1;
        }
        m->op = atm_op_find("", "Gemm");
    } else if (!is_op(m, "Gemm") || m->n_in != 2 ||
               atm_node_float(m, "beta", 1) != 1) {
        return ATM_OK;
    }
    st = append_input(g, m, row);
    if (!st)
        swallow(f, index, m);
    return st;
}

/* ---- conv, then a sum with something older ---- */

/* The sum is made in place of `other`, so that this must be its end: no later
 * reader, no second name for its bytes, and not what the conv itself reads. */
static bool may_overwrite(const struct fuse *f, uint32_t other,
                          const struct atm_node *conv, uint32_t add)
{
    const struct use *u = &f->use[other];
    uint32_t at = (uint32_t)(conv - f->g->node), k;

    for (k = 0; k < conv->n_in; k++)
        if (conv->in[k] == other)
            return false;
    return u->producer != ATM_NONE && u->producer < at && !u->output &&
           !u->aliased && u->last == add &&
           (u->before == ATM_NONE || u->before < at);
}

static enum atm_status fuse_sum(struct fuse *f, uint32_t index)
{
    struct atm_graph *g = f->g;
    struct atm_node *n = &g->node[index], *conv, *second;
    uint32_t other;
    enum atm_status st;

    if ((!is_op(n, "Add") && !is_op(n, "Sum")) || n->n_in != 2)
        return ATM_OK;
    conv = sole_producer(f, n->in[0]);
    second = sole_producer(f, n->in[1]);
    if (!conv || (second && second > conv))
        conv = second;
    if (!conv || !is_op(conv, "Conv") || conv->n_post > 0)
        return ATM_OK;
    other = conv->out[0] == n->in[0] ? n->in[1] : n->in[0];
    if (g->value[other].dtype != ATM_F32 || other >= f->n ||
        !atm_shape_equal(&g->value[n->in[0]].shape,
                         &g->value[n->in[1]].shape) ||
        !may_overwrite(f, other, conv, index))
        return ATM_OK;
    st = append_input(g, conv, other);
    if (st)
        return st;
    conv->post[conv->n_post++] =
        (struct atm_post){.kind = ATM_POST_ADD, .input = conv->n_in - 1};
    swallow(f, index, conv);
    return ATM_OK;
}

/* ---- activation ---- */

/* Bounds of a Clip: attributes before opset 11, then inputs. */
static enum atm_status clip_bound(const struct atm_graph *g,
                                  const struct atm_node *n, uint32_t input,
                                  const char *name, float dflt, float *bound,
                                  bool *constant)
{
    *bound = atm_node_float(n, name, dflt);
    if (n->n_in <= input || n->in[input] == ATM_NONE)
        return ATM_OK;
    *constant = *constant && is_float_constant(g, n->in[input]);
    return *constant
               ? atm_constant_read(g, n->in[input], 0, sizeof(*bound), bound)
               : ATM_OK;
}

static enum atm_status fuse_activation(struct fuse *f, uint32_t index)
{
    const struct atm_node *n = &f->g->node[index];
    struct atm_post post = {.kind = ATM_POST_RELU};
    struct atm_node *m;
    bool constant = true;
    enum atm_status st;

    if ((!is_op(n, "Relu") && !is_op(n, "Clip")) ||
        f->g->value[n->in[0]].shape.bound)
        return ATM_OK;
    m = sole_producer(f, n->in[0]);
    if (!m || m->n_post == ATM_POSTS_MAX ||
        (!is_op(m, "Conv") && !is_op(m, "Gemm") && !is_op(m, "MatMul")))
        return ATM_OK;
    if (is_op(n, "Clip")) {
        post.kind = ATM_POST_CLIP;
        st = clip_bound(f->g, n, 1, "min", -INFINITY, &post.lo, &constant);
        if (!st)
            st = clip_bound(f->g, n, 2, "max", INFINITY, &post.hi, &constant);
        if (st || !constant || isnan(post.lo) || isnan(post.hi))
            return st;
    }
    m->post[m->n_post++] = post;
    swallow(f, index, m);
    return ATM_OK;
}

enum atm_status atm_graph_fuse(struct atm_graph *g)
{
    static enum atm_status (*const pass[])(struct fuse *, uint32_t) = {
        fuse_affine, fuse_row, fuse_sum, fuse_activation};
    struct fuse f = {.g = g};
    enum atm_status st;
    uint32_t i, p;

    f.drop = atm_alloc_array(g->n_nodes, sizeof(*f.drop));
    st = f.drop ? atm__value_names(g, &f.names) : ATM_NOMEM;
    for (p = 0; !st && p < sizeof(pass) / sizeof(pass[0]); p++) {
        st = make_tables(&f);
        for (i = 0; !st && i < g->n_nodes; i++)
            if (!f.drop[i])
                st = pass[p](&f, i);
    }
    if (!st)
        st = atm__compact(g, f.drop);
    atm_free(f.drop);
    atm_free(f.use);
    atm__names_clear(&f.names);
    return st;
}
