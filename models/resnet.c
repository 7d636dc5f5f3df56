/* resnet.c - ResNet-50 and ResNet-200 v1.5 (He et al. 2016; the stride of a
 * stage is in its 3x3 convolution), as torchvision.models.resnet50 and
 * resnet200 of timm. */
#include "builder.h"

/* Convolution without bias, then batch normalisation. */
static uint32_t conv_bn(struct atm__net *n, const char *block, const char *at,
                        uint32_t x, const struct atm__conv *c, double scale)
{
    x = atm__conv(n, atm__name(n, "%sconv%s", block, at), x, c);
    return atm__batch_norm(n, atm__name(n, "%sbn%s", block, at), x, scale);
}

/* The residual branch is scaled down, as training scales it, so that sixteen
 * sums in a row do not grow. */
static uint32_t bottleneck(struct atm__net *n, const char *block, uint32_t x,
                           int64_t width, int64_t stride)
{
    const struct atm__conv reduce = {.channels = width, .kernel = 1,
                                     .stride = 1, .groups = 1, .gain = 2};
    const struct atm__conv spatial = {.channels = width, .kernel = 3,
                                      .stride = stride, .pad = 1,
                                      .groups = 1, .gain = 2};
    const struct atm__conv expand = {.channels = 4 * width, .kernel = 1,
                                     .stride = 1, .groups = 1, .gain = 2};
    const struct atm__conv shortcut = {.channels = 4 * width, .kernel = 1,
                                       .stride = stride, .groups = 1,
                                       .gain = 1};
    uint32_t y;

    y = conv_bn(n, block, "1", x, &reduce, 1);
    y = atm__relu(n, atm__name(n, "%srelu1", block), y);
    y = conv_bn(n, block, "2", y, &spatial, 1);
    y = atm__relu(n, atm__name(n, "%srelu2", block), y);
    y = conv_bn(n, block, "3", y, &expand, 0.25);
    if (stride != 1 || atm__channels(n, x) != 4 * width)
        x = conv_bn(n, block, "_shortcut", x, &shortcut, 1);
    y = atm__add(n, atm__name(n, "%sadd", block), y, x);
    return atm__relu(n, atm__name(n, "%srelu3", block), y);
}

static enum atm_status resnet(const char *name, const int *blocks,
                              int64_t batch, uint64_t seed,
                              struct atm_graph **graph)
{
    const int64_t image[] = {3, 224, 224};
    const struct atm__conv stem = {.channels = 64, .kernel = 7, .stride = 2,
                                   .pad = 3, .groups = 1, .gain = 2};
    struct atm__net n;
    uint32_t x;
    int s, i;

    x = atm__net_begin(&n, name, batch, seed, 3, image);
    x = conv_bn(&n, "", "1", x, &stem, 1);
    x = atm__relu(&n, "relu1", x);
    x = atm__max_pool(&n, "maxpool", x, 3, 2, 1);
    for (s = 0; s < 4; s++)
        for (i = 0; i < blocks[s]; i++)
            x = bottleneck(&n, atm__name(&n, "layer%d.%d.", s + 1, i), x,
                           64 << s, s > 0 && i == 0 ? 2 : 1);
    return atm__net_classify(&n, x, graph);
}

enum atm_status atm_zoo_resnet50(int64_t batch, uint64_t seed,
                                 struct atm_graph **graph)
{
    static const int blocks[] = {3, 4, 6, 3};

    return resnet("resnet50", blocks, batch, seed, graph);
}

enum atm_status atm_zoo_resnet200(int64_t batch, uint64_t seed,
                                  struct atm_graph **graph)
{
    static const int blocks[] = {3, 24, 36, 3};

    return resnet("resnet200", blocks, batch, seed, graph);
}
