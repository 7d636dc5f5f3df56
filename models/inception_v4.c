/* inception_v4.c - Inception-v4 (Szegedy et al. 2017), as inception_v4 of
 * timm: each convolution with batch normalisation and ReLU. */
#include "builder.h"

/* rows x columns, padded so that the size stays. */
static uint32_t same(struct atm__net *n, const char *at, const char *part,
                     uint32_t x, int64_t channels, int64_t rows,
                     int64_t columns)
{
    const struct atm__conv conv = {.channels = channels,
                                   .kernel = rows,
                                   .width = columns,
                                   .stride = 1,
                                   .pad = 1,
                                   .groups = 1,
                                   .gain = 2};

    x = atm__conv(n, atm__name(n, "%s.%s.conv", at, part), x, &conv);
    x = atm__batch_norm(n, atm__name(n, "%s.%s.bn", at, part), x, 1);
    return atm__relu(n, atm__name(n, "%s.%s.relu", at, part), x);
}

/* 3 x 3 without padding. */
static uint32_t valid(struct atm__net *n, const char *at, const char *part,
                      uint32_t x, int64_t channels, int64_t stride)
{
    const struct atm__conv conv = {.channels = channels,
                                   .kernel = 3,
                                   .stride = stride,
                                   .groups = 1,
                                   .gain = 2};

    x = atm__conv(n, atm__name(n, "%s.%s.conv", at, part), x, &conv);
    x = atm__batch_norm(n, atm__name(n, "%s.%s.bn", at, part), x, 1);
    return atm__relu(n, atm__name(n, "%s.%s.relu", at, part), x);
}

/* Average of 3 x 3, the padding left out, then 1 x 1. */
static uint32_t pooled(struct atm__net *n, const char *at, uint32_t x,
                       int64_t channels)
{
    static const int64_t three[] = {3, 3}, one[] = {1, 1, 1, 1};
    const struct atm_attr attr[] = {atm__ints_attr("kernel_shape", three, 2),
                                    atm__ints_attr("strides", one, 2),
                                    atm__ints_attr("pads", one, 4)};

    x = atm__layer(n, "AveragePool", atm__name(n, "%s.pool", at), 1, &x, 3,
                   attr);
    return same(n, at, "p1", x, channels, 1, 1);
}

static uint32_t halved(struct atm__net *n, const char *at, uint32_t x)
{
    return atm__max_pool(n, atm__name(n, "%s.pool", at), x, 3, 2, 0);
}

static uint32_t join(struct atm__net *n, const char *at, uint32_t count,
                     const uint32_t *x)
{
    return atm__concat_all(n, atm__name(n, "%s.concat", at), count, x);
}

static uint32_t stem(struct atm__net *n, uint32_t x)
{
    uint32_t y[2];

    x = valid(n, "stem", "1", x, 32, 2);
    x = valid(n, "stem", "2", x, 32, 1);
    x = same(n, "stem", "3", x, 64, 3, 3);
    y[0] = halved(n, "mixed3", x);
    y[1] = valid(n, "mixed3", "1", x, 96, 2);
    x = join(n, "mixed3", 2, y);
    y[0] = same(n, "mixed4", "a1", x, 64, 1, 1);
    y[0] = valid(n, "mixed4", "a2", y[0], 96, 1);
    y[1] = same(n, "mixed4", "b1", x, 64, 1, 1);
    y[1] = same(n, "mixed4", "b2", y[1], 64, 1, 7);
    y[1] = same(n, "mixed4", "b3", y[1], 64, 7, 1);
    y[1] = valid(n, "mixed4", "b4", y[1], 96, 1);
    x = join(n, "mixed4", 2, y);
    y[0] = valid(n, "mixed5", "1", x, 192, 2);
    y[1] = halved(n, "mixed5", x);
    return join(n, "mixed5", 2, y);
}

static uint32_t block_a(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y[4];

    y[0] = same(n, at, "a1", x, 96, 1, 1);
    y[1] = same(n, at, "b1", x, 64, 1, 1);
    y[1] = same(n, at, "b2", y[1], 96, 3, 3);
    y[2] = same(n, at, "c1", x, 64, 1, 1);
    y[2] = same(n, at, "c2", y[2], 96, 3, 3);
    y[2] = same(n, at, "c3", y[2], 96, 3, 3);
    y[3] = pooled(n, at, x, 96);
    return join(n, at, 4, y);
}

static uint32_t reduction_a(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y[3];

    y[0] = valid(n, at, "a1", x, 384, 2);
    y[1] = same(n, at, "b1", x, 192, 1, 1);
    y[1] = same(n, at, "b2", y[1], 224, 3, 3);
    y[1] = valid(n, at, "b3", y[1], 256, 2);
    y[2] = halved(n, at, x);
    return join(n, at, 3, y);
}

static uint32_t block_b(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y[4];

    y[0] = same(n, at, "a1", x, 384, 1, 1);
    y[1] = same(n, at, "b1", x, 192, 1, 1);
    y[1] = same(n, at, "b2", y[1], 224, 1, 7);
    y[1] = same(n, at, "b3", y[1], 256, 7, 1);
    y[2] = same(n, at, "c1", x, 192, 1, 1);
    y[2] = same(n, at, "c2", y[2], 192, 7, 1);
    y[2] = same(n, at, "c3", y[2], 224, 1, 7);
    y[2] = same(n, at, "c4", y[2], 224, 7, 1);
    y[2] = same(n, at, "c5", y[2], 256, 1, 7);
    y[3] = pooled(n, at, x, 128);
    return join(n, at, 4, y);
}

static uint32_t reduction_b(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y[3];

    y[0] = same(n, at, "a1", x, 192, 1, 1);
    y[0] = valid(n, at, "a2", y[0], 192, 2);
    y[1] = same(n, at, "b1", x, 256, 1, 1);
    y[1] = same(n, at, "b2", y[1], 256, 1, 7);
    y[1] = same(n, at, "b3", y[1], 320, 7, 1);
    y[1] = valid(n, at, "b4", y[1], 320, 2);
    y[2] = halved(n, at, x);
    return join(n, at, 3, y);
}

static uint32_t block_c(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y[6], z;

    y[0] = same(n, at, "a1", x, 256, 1, 1);
    z = same(n, at, "b1", x, 384, 1, 1);
    y[1] = same(n, at, "b2", z, 256, 1, 3);
    y[2] = same(n, at, "b3", z, 256, 3, 1);
    z = same(n, at, "c1", x, 384, 1, 1);
    z = same(n, at, "c2", z, 448, 3, 1);
    z = same(n, at, "c3", z, 512, 1, 3);
    y[3] = same(n, at, "c4", z, 256, 1, 3);
    y[4] = same(n, at, "c5", z, 256, 3, 1);
    y[5] = pooled(n, at, x, 256);
    return join(n, at, 6, y);
}

enum atm_status atm_zoo_inception_v4(int64_t batch, uint64_t seed,
                                     struct atm_graph **graph)
{
    const int64_t image[] = {3, 299, 299};
    struct atm__net n;
    uint32_t x;
    int i;

    x = atm__net_begin(&n, "inception_v4", batch, seed, 3, image);
    x = stem(&n, x);
    for (i = 1; i <= 4; i++)
        x = block_a(&n, atm__name(&n, "a%d", i), x);
    x = reduction_a(&n, "reduction_a", x);
    for (i = 1; i <= 7; i++)
        x = block_b(&n, atm__name(&n, "b%d", i), x);
    x = reduction_b(&n, "reduction_b", x);
    for (i = 1; i <= 3; i++)
        x = block_c(&n, atm__name(&n, "c%d", i), x);
    return atm__net_classify(&n, x, graph);
}
