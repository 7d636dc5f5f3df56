/* transformer.c - blocks of transformers. Weights are normal(0, 1 / sqrt(in)),
 * so that features keep their size. */
#include "transformer.h"

#include "arena.h"

#include <math.h>

uint32_t atm__linear(struct atm__net *n, const char *name, uint32_t x,
                     int64_t in, int64_t out)
{
    const int64_t weight[] = {in, out};
    uint32_t w = atm__parameter(n, atm__name(n, "%s.weight", name), 2, weight,
                                0, sqrt(1 / (double)in));
    uint32_t b =
        atm__parameter(n, atm__name(n, "%s.bias", name), 1, &out, 0, 0.05);

    x = atm__binary(n, "MatMul", atm__name(n, "%s.matmul", name), x, w);
    return atm__add(n, name, x, b);
}

uint32_t atm__layer_norm(struct atm__net *n, const char *name, uint32_t x,
                         int64_t width, float epsilon)
{
    const struct atm_attr attr[] = {
        {.name = "epsilon", .kind = ATM_ATTR_FLOAT, .f = epsilon},
        atm__int_attr("axis", -1)};
    uint32_t in[3] = {x};

    in[1] =
        atm__parameter(n, atm__name(n, "%s.weight", name), 1, &width, 1, 0.1);
    in[2] = atm__parameter(n, atm__name(n, "%s.bias", name), 1, &width, 0, 0.1);
    return atm__layer(n, "LayerNormalization", name, 3, in, 2, attr);
}

uint32_t atm__gather(struct atm__net *n, const char *name, uint32_t x,
                     uint32_t index, int64_t axis)
{
    const struct atm_attr attr = atm__int_attr("axis", axis);
    const uint32_t in[] = {x, index};

    return atm__layer(n, "Gather", name, 2, in, 1, &attr);
}

uint32_t atm__first(struct atm__net *n, const char *name, uint32_t x)
{
    static const int64_t first = 0;

    x = atm__gather(n, atm__name(n, "%s.gather", name), x,
                    atm__int_list(n, atm__name(n, "%s.index", name), 1, &first),
                    1);
    return atm__flatten(n, name, x);
}

uint32_t atm__positions(struct atm__net *n, const char *name, int64_t rows,
                        int64_t length, int64_t width)
{
    const int64_t table[] = {rows, width};
    int64_t *index, i;
    uint32_t w;

    w = atm__parameter(n, atm__name(n, "%s.weight", name), 2, table, 0, 0.5);
    if (n->st)
        return ATM_NONE;
    index = atm_arena_array(n->g->arena, (size_t)length, sizeof(*index));
    if (!index) {
        n->st = ATM_NOMEM;
        return ATM_NONE;
    }
    for (i = 0; i < length; i++)
        index[i] = i;
    return atm__gather(
        n, name, w,
        atm__int_list(n, atm__name(n, "%s.ids", name), (uint32_t)length, index),
        0);
}

/* Heads apart: batch x heads x length x size, or the last two exchanged. */
static uint32_t split_heads(struct atm__net *n, const char *name, uint32_t x,
                            const struct atm__transformer *t, bool exchanged)
{
    static const int64_t apart[] = {0, 2, 1, 3}, turned[] = {0, 2, 3, 1};
    const int64_t shape[] = {n->batch, t->length, t->heads,
                             t->width / t->heads};
    const struct atm_attr perm =
        atm__ints_attr("perm", exchanged ? turned : apart, 4);

    x = atm__reshape(n, atm__name(n, "%s.split", name), x, 4, shape);
    return atm__layer(n, "Transpose", atm__name(n, "%s.heads", name), 1, &x, 1,
                      &perm);
}

static uint32_t attention(struct atm__net *n, const char *at, uint32_t x,
                          const struct atm__transformer *t)
{
    static const int64_t together[] = {0, 2, 1, 3};
    const struct atm_attr perm = atm__ints_attr("perm", together, 4);
    const struct atm_attr last = atm__int_attr("axis", -1);
    const int64_t shape[] = {n->batch, t->length, t->width};
    const char *part[] = {"query", "key", "value"};
    uint32_t qkv[3], s;
    int i;

    for (i = 0; i < 3; i++) {
        const char *name = atm__name(n, "%s.%s", at, part[i]);

        qkv[i] = atm__linear(n, name, x, t->width, t->width);
        qkv[i] = split_heads(n, name, qkv[i], t, i == 1);
    }
    s = atm__binary(n, "MatMul", atm__name(n, "%s.scores", at), qkv[0], qkv[1]);
    s = atm__binary(
        n, "Div", atm__name(n, "%s.scaled", at), s,
        atm__scalar(n, atm__name(n, "%s.root", at),
                    (float)sqrt((double)t->width / (double)t->heads)));
    if (t->mask != ATM_NONE)
        s = atm__add(n, atm__name(n, "%s.masked", at), s, t->mask);
    s = atm__layer(n, "Softmax", atm__name(n, "%s.softmax", at), 1, &s, 1,
                   &last);
    s = atm__binary(n, "MatMul", atm__name(n, "%s.mix", at), s, qkv[2]);
    s = atm__layer(n, "Transpose", atm__name(n, "%s.joined", at), 1, &s, 1,
                   &perm);
    s = atm__reshape(n, atm__name(n, "%s.flat", at), s, 3, shape);
    return atm__linear(n, atm__name(n, "%s.output", at), s, t->width, t->width);
}

/* x / 2 (1 + erf(x / sqrt(2))) */
static uint32_t gelu(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y;

    y = atm__binary(n, "Div", atm__name(n, "%s.div", at), x,
                    atm__scalar(n, atm__name(n, "%s.root", at), 1.41421354f));
    y = atm__unary(n, "Erf", atm__name(n, "%s.erf", at), y);
    y = atm__add(n, atm__name(n, "%s.add", at), y,
                 atm__scalar(n, atm__name(n, "%s.one", at), 1));
    y = atm__binary(n, "Mul", atm__name(n, "%s.mul", at), x, y);
    return atm__binary(n, "Mul", at, y,
                       atm__scalar(n, atm__name(n, "%s.half", at), 0.5f));
}

/* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) */
static uint32_t gelu_tanh(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y;

    y = atm__binary(n, "Pow", atm__name(n, "%s.pow", at), x,
                    atm__scalar(n, atm__name(n, "%s.three", at), 3));
    y = atm__binary(n, "Mul", atm__name(n, "%s.cubic", at), y,
                    atm__scalar(n, atm__name(n, "%s.c", at), 0.044715f));
    y = atm__add(n, atm__name(n, "%s.sum", at), x, y);
    y = atm__binary(n, "Mul", atm__name(n, "%s.scaled", at), y,
                    atm__scalar(n, atm__name(n, "%s.root", at), 0.79788458f));
    y = atm__unary(n, "Tanh", atm__name(n, "%s.tanh", at), y);
    y = atm__add(n, atm__name(n, "%s.add", at), y,
                 atm__scalar(n, atm__name(n, "%s.one", at), 1));
    x = atm__binary(n, "Mul", atm__name(n, "%s.mul", at), x,
                    atm__scalar(n, atm__name(n, "%s.half", at), 0.5f));
    return atm__binary(n, "Mul", at, x, y);
}

static uint32_t mlp(struct atm__net *n, const char *at, uint32_t x,
                    const struct atm__transformer *t)
{
    const char *act = atm__name(n, "%s.gelu", at);

    x = atm__linear(n, atm__name(n, "%s.inner", at), x, t->width, t->inner);
    x = t->tanh_gelu ? gelu_tanh(n, act, x) : gelu(n, act, x);
    return atm__linear(n, atm__name(n, "%s.outer", at), x, t->inner, t->width);
}

uint32_t atm__transformer_block(struct atm__net *n, const char *at, uint32_t x,
                                const struct atm__transformer *t)
{
    const char *norm1 = atm__name(n, "%s.norm1", at);
    const char *norm2 = atm__name(n, "%s.norm2", at);
    const char *sum1 = atm__name(n, "%s.sum1", at);
    const char *sum2 = atm__name(n, "%s.sum2", at);
    uint32_t y = x;

    if (t->norm_first)
        y = atm__layer_norm(n, norm1, y, t->width, t->epsilon);
    y = attention(n, atm__name(n, "%s.attention", at), y, t);
    x = atm__add(n, sum1, y, x);
    if (!t->norm_first)
        x = atm__layer_norm(n, norm1, x, t->width, t->epsilon);
    y = x;
    if (t->norm_first)
        y = atm__layer_norm(n, norm2, y, t->width, t->epsilon);
    y = mlp(n, atm__name(n, "%s.mlp", at), y, t);
    x = atm__add(n, sum2, y, x);
    if (!t->norm_first)
        x = atm__layer_norm(n, norm2, x, t->width, t->epsilon);
    return x;
}
