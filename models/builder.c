/* builder.c - layers for the networks of the zoo.
 *
 * Weights are never in memory: each is a generated constant with a seed of its
 * own, drawn from the network's seed and the value's id. Statistics of batch
 * normalisation are a tenth wide: the generator's largest deviate is below
 * 8.6, so a variance around 1 stays positive by construction.
 */
#include "builder.h"

#include "arena.h"
#include "rng.h"

#include "autotm/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPSET 13
#define INPUTS_MAX 32

const char *atm__name(struct atm__net *n, const char *fmt, ...)
{
    char text[96];
    const char *name;
    va_list ap;

    if (n->st)
        return "";
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    name = atm_arena_strdup(n->g->arena, text);
    if (!name)
        n->st = ATM_NOMEM;
    return name ? name : "";
}

int64_t atm__channels(const struct atm__net *n, uint32_t x)
{
    return n->st ? 1 : n->g->value[x].shape.dim[1];
}

void atm__net_start(struct atm__net *n, const char *name, int64_t batch,
                    uint64_t seed)
{
    memset(n, 0, sizeof(*n));
    n->seed = seed;
    n->opset = OPSET;
    n->batch = batch;
    n->low = n->high = ATM_NONE;
    if (batch < 1) {
        n->st = atm_fail(ATM_INVAL, "%s: a batch of %lld; give at least 1",
                         name, (long long)batch);
        return;
    }
    n->st = atm_graph_new(&n->g);
    if (!n->st)
        n->g->name = atm__name(n, "%s", name);
}

uint32_t atm__input(struct atm__net *n, const char *name, enum atm_dtype dtype,
                    uint32_t rank, const int64_t *dim)
{
    struct atm_shape shape = {.rank = rank + 1, .dim = {n->batch}};
    uint32_t x = ATM_NONE;

    if (rank > 0)
        memcpy(shape.dim + 1, dim, rank * sizeof(*dim));
    if (!n->st)
        n->st = atm_graph_add_value(n->g, name, dtype, &shape, &x);
    if (!n->st) {
        n->g->value[x].shape_known = true;
        n->st = atm_graph_add_input(n->g, x);
    }
    return x;
}

uint32_t atm__net_begin(struct atm__net *n, const char *name, int64_t batch,
                        uint64_t seed, uint32_t rank, const int64_t *dim)
{
    atm__net_start(n, name, batch, seed);
    return atm__input(n, "input", ATM_F32, rank, dim);
}

enum atm_status atm__net_end(struct atm__net *n, uint32_t x,
                             struct atm_graph **graph)
{
    *graph = NULL;
    if (!n->st)
        n->st = atm_graph_add_output(n->g, x);
    if (n->st)
        atm_graph_delete(&n->g);
    else
        *graph = n->g;
    return n->st;
}

/* Appends a constant value; its bytes follow from the shape. */
static uint32_t constant(struct atm__net *n, const char *name,
                         enum atm_dtype dtype, const struct atm_shape *shape,
                         const struct atm_constant *like)
{
    struct atm_constant c = *like;
    uint32_t value, id;

    if (!n->st)
        n->st = atm_shape_bytes(shape, dtype, &c.bytes);
    if (!n->st)
        n->st = atm_graph_add_value(n->g, name, dtype, shape, &value);
    if (n->st)
        return ATM_NONE;
    if (c.kind == ATM_CONST_GENERATED)
        c.seed = atm_rng_u64(n->seed, value);
    n->st = atm_graph_add_constant(n->g, &c, &id);
    if (n->st)
        return ATM_NONE;
    n->g->value[value].constant = id;
    return value;
}

uint32_t atm__parameter(struct atm__net *n, const char *name, uint32_t rank,
                        const int64_t *dim, double mean, double stddev)
{
    struct atm_constant c = {
        .kind = ATM_CONST_GENERATED, .mean = mean, .stddev = stddev};
    struct atm_shape shape = {.rank = rank};

    memcpy(shape.dim, dim, rank * sizeof(*dim));
    return constant(n, name, ATM_F32, &shape, &c);
}

static uint32_t normal(struct atm__net *n, const char *layer, const char *part,
                       const struct atm_shape *shape, double mean,
                       double stddev)
{
    return atm__parameter(n, atm__name(n, "%s.%s", layer, part), shape->rank,
                          shape->dim, mean, stddev);
}

uint32_t atm__scalar(struct atm__net *n, const char *name, float x)
{
    const struct atm_shape shape = {.rank = 0};
    struct atm_constant c = {.kind = ATM_CONST_INLINE, .data = &x};

    return constant(n, name, ATM_F32, &shape, &c);
}

uint32_t atm__int_list(struct atm__net *n, const char *name, uint32_t count,
                       const int64_t *x)
{
    const struct atm_shape shape = {.rank = 1, .dim = {count}};
    struct atm_constant c = {.kind = ATM_CONST_INLINE, .data = x};

    return constant(n, name, ATM_I64, &shape, &c);
}

/* How the operator's rule sees a value. */
static struct atm_view view(const struct atm_graph *g, uint32_t value)
{
    const struct atm_value *v = &g->value[value];
    struct atm_view w = {.present = true, .dtype = v->dtype,
                         .shape = v->shape};

    if (v->constant != ATM_NONE &&
        g->constant[v->constant].kind == ATM_CONST_INLINE)
        w.data = (void *)(uintptr_t)g->constant[v->constant].data;
    return w;
}

uint32_t atm__layer(struct atm__net *n, const char *op, const char *name,
                    uint32_t n_in, const uint32_t *in, uint32_t n_attr,
                    const struct atm_attr *attr)
{
    struct atm_view ins[INPUTS_MAX], out = {.present = true};
    struct atm_call call = {.n_in = n_in, .n_out = 1, .in = ins, .out = &out};
    uint32_t y, node, i;

    if (n->st)
        return ATM_NONE;
    n->st = atm_graph_add_value(n->g, name, ATM_DTYPE_NONE, NULL, &y);
    if (!n->st)
        n->st = atm_graph_add_node(n->g, name, atm_op_find("", op), n->opset,
                                   n_in, in, 1, &y, n_attr, attr, &node);
    if (n->st)
        return ATM_NONE;
    for (i = 0; i < n_in; i++)
        ins[i] = view(n->g, in[i]);
    call.node = &n->g->node[node];
    call.graph = n->g;
    n->st = atm_op_infer(&call);
    if (n->st) {
        n->st = atm_fail_in(n->st, "%s: layer %s", n->g->name, name);
        return ATM_NONE;
    }
    n->g->value[y].dtype = out.dtype;
    n->g->value[y].shape = out.shape;
    n->g->value[y].shape_known = true;
    return y;
}

struct atm_attr atm__ints_attr(const char *name, const int64_t *v, size_t n)
{
    return (struct atm_attr){
        .name = name, .kind = ATM_ATTR_INTS, .ints = v, .n = n};
}

struct atm_attr atm__int_attr(const char *name, int64_t v)
{
    return (struct atm_attr){.name = name, .kind = ATM_ATTR_INT, .i = v};
}

uint32_t atm__conv(struct atm__net *n, const char *name, uint32_t x,
                   const struct atm__conv *c)
{
    int64_t width = c->width ? c->width : c->kernel;
    const int64_t kernel[] = {c->kernel, width};
    const int64_t strides[] = {c->stride, c->stride};
    int64_t rows = c->width && c->pad ? c->kernel / 2 : c->pad;
    int64_t columns = c->width && c->pad ? c->width / 2 : c->pad;
    const int64_t pads[] = {rows, columns, rows, columns};
    const struct atm_attr attr[] = {
        atm__ints_attr("kernel_shape", kernel, 2),
        atm__ints_attr("strides", strides, 2), atm__ints_attr("pads", pads, 4),
        atm__int_attr("group", c->groups)};
    int64_t per_group = atm__channels(n, x) / c->groups;
    const struct atm_shape weight = {
        .rank = 4, .dim = {c->channels, per_group, c->kernel, width}};
    const struct atm_shape bias = {.rank = 1, .dim = {c->channels}};
    double fan_in = (double)(per_group * c->kernel * width);
    uint32_t in[3] = {x};

    in[1] = normal(n, name, "weight", &weight, 0, sqrt(c->gain / fan_in));
    if (c->bias)
        in[2] = normal(n, name, "bias", &bias, 0, 0.05);
    return atm__layer(n, "Conv", name, c->bias ? 3 : 2, in, 4, attr);
}

uint32_t atm__batch_norm(struct atm__net *n, const char *name, uint32_t x,
                         double scale)
{
    const struct atm_attr epsilon = {
        .name = "epsilon", .kind = ATM_ATTR_FLOAT, .f = 1e-5f};
    const struct atm_shape each = {.rank = 1, .dim = {atm__channels(n, x)}};
    uint32_t in[5] = {x};

    in[1] = normal(n, name, "weight", &each, scale, scale / 10);
    in[2] = normal(n, name, "bias", &each, 0, 0.1);
    in[3] = normal(n, name, "running_mean", &each, 0, 0.1);
    in[4] = normal(n, name, "running_var", &each, 1, 0.1);
    return atm__layer(n, "BatchNormalization", name, 5, in, 1, &epsilon);
}

uint32_t atm__unary(struct atm__net *n, const char *op, const char *name,
                    uint32_t x)
{
    return atm__layer(n, op, name, 1, &x, 0, NULL);
}

uint32_t atm__binary(struct atm__net *n, const char *op, const char *name,
                     uint32_t a, uint32_t b)
{
    const uint32_t in[] = {a, b};

    return atm__layer(n, op, name, 2, in, 0, NULL);
}

uint32_t atm__relu(struct atm__net *n, const char *name, uint32_t x)
{
    return atm__unary(n, "Relu", name, x);
}

uint32_t atm__relu6(struct atm__net *n, const char *name, uint32_t x)
{
    uint32_t in[3] = {x};

    if (n->low == ATM_NONE) {
        n->low = atm__scalar(n, "relu6.low", 0);
        n->high = atm__scalar(n, "relu6.high", 6);
    }
    in[1] = n->low;
    in[2] = n->high;
    return atm__layer(n, "Clip", name, 3, in, 0, NULL);
}

uint32_t atm__add(struct atm__net *n, const char *name, uint32_t a,
                  uint32_t b)
{
    return atm__binary(n, "Add", name, a, b);
}

uint32_t atm__concat_all(struct atm__net *n, const char *name, uint32_t count,
                         const uint32_t *x)
{
    const struct atm_attr axis = atm__int_attr("axis", 1);

    return atm__layer(n, "Concat", name, count, x, 1, &axis);
}

uint32_t atm__concat(struct atm__net *n, const char *name, uint32_t a,
                     uint32_t b)
{
    const uint32_t in[] = {a, b};

    return atm__concat_all(n, name, 2, in);
}

uint32_t atm__reshape(struct atm__net *n, const char *name, uint32_t x,
                      uint32_t rank, const int64_t *dim)
{
    return atm__binary(n, "Reshape", name, x,
                       atm__int_list(n, atm__name(n, "%s.shape", name), rank,
                                     dim));
}

static uint32_t pool(struct atm__net *n, const char *op, const char *name,
                     uint32_t x, int64_t kernel, int64_t stride, int64_t pad)
{
    const int64_t shape[] = {kernel, kernel}, strides[] = {stride, stride};
    const int64_t pads[] = {pad, pad, pad, pad};
    const struct atm_attr attr[] = {atm__ints_attr("kernel_shape", shape, 2),
                                    atm__ints_attr("strides", strides, 2),
                                    atm__ints_attr("pads", pads, 4)};

    return atm__layer(n, op, name, 1, &x, 3, attr);
}

uint32_t atm__max_pool(struct atm__net *n, const char *name, uint32_t x,
                       int64_t kernel, int64_t stride, int64_t pad)
{
    return pool(n, "MaxPool", name, x, kernel, stride, pad);
}

uint32_t atm__average_pool(struct atm__net *n, const char *name, uint32_t x,
                           int64_t kernel, int64_t stride)
{
    return pool(n, "AveragePool", name, x, kernel, stride, 0);
}

uint32_t atm__global_average_pool(struct atm__net *n, const char *name,
                                  uint32_t x)
{
    return atm__unary(n, "GlobalAveragePool", name, x);
}

uint32_t atm__flatten(struct atm__net *n, const char *name, uint32_t x)
{
    const struct atm_attr axis = atm__int_attr("axis", 1);

    return atm__layer(n, "Flatten", name, 1, &x, 1, &axis);
}

uint32_t atm__dense(struct atm__net *n, const char *name, uint32_t x,
                    int64_t features, double gain)
{
    const struct atm_attr trans = atm__int_attr("transB", 1);
    int64_t fan_in = atm__channels(n, x);
    const struct atm_shape weight = {.rank = 2, .dim = {features, fan_in}};
    const struct atm_shape bias = {.rank = 1, .dim = {features}};
    uint32_t in[3] = {x};

    in[1] = normal(n, name, "weight", &weight, 0,
                   sqrt(gain / (double)fan_in));
    in[2] = normal(n, name, "bias", &bias, 0, 0.05);
    return atm__layer(n, "Gemm", name, 3, in, 1, &trans);
}

uint32_t atm__conv_last(struct atm__net *n, const char *name, uint32_t x,
                        int64_t channels)
{
    const struct atm__conv c = {.channels = channels,
                                .kernel = 1,
                                .stride = 1,
                                .groups = 1,
                                .gain = 1,
                                .bias = true};

    return atm__conv(n, name, x, &c);
}

enum atm_status atm__net_classify(struct atm__net *n, uint32_t x,
                                  struct atm_graph **graph)
{
    x = atm__global_average_pool(n, "avgpool", x);
    x = atm__flatten(n, "flatten", x);
    x = atm__dense(n, "logits", x, 1000, 1);
    return atm__net_end(n, x, graph);
}
