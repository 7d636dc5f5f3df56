/* mobilenet_v2.c - MobileNetV2 at width 1.0 (Sandler et al. 2018), as
 * torchvision.models.mobilenet_v2: inverted residuals with linear ends. */
#include "builder.h"

/* Convolution, batch normalisation and, unless `linear`, ReLU6. */
static uint32_t conv_bn(struct atm__net *n, const char *name, uint32_t x,
                        int64_t channels, int64_t kernel, int64_t stride,
                        int64_t groups, bool linear)
{
    const struct atm__conv conv = {.channels = channels, .kernel = kernel,
                                   .stride = stride, .pad = kernel / 2,
                                   .groups = groups,
                                   .gain = linear ? 1 : 2};

    x = atm__conv(n, atm__name(n, "%s.conv", name), x, &conv);
    x = atm__batch_norm(n, atm__name(n, "%s.bn", name), x, 1);
    return linear ? x : atm__relu6(n, atm__name(n, "%s.relu6", name), x);
}

static uint32_t inverted_residual(struct atm__net *n, int block, uint32_t x,
                                  int64_t expand, int64_t channels,
                                  int64_t stride)
{
    int64_t in = atm__channels(n, x), hidden = expand * in;
    uint32_t y = x;

    if (expand != 1)
        y = conv_bn(n, atm__name(n, "block%d.expand", block), y, hidden, 1, 1,
                    1, false);
    y = conv_bn(n, atm__name(n, "block%d.depthwise", block), y, hidden, 3,
                stride, hidden, false);
    y = conv_bn(n, atm__name(n, "block%d.project", block), y, channels, 1, 1,
                1, true);
    return stride == 1 && in == channels
               ? atm__add(n, atm__name(n, "block%d.add", block), x, y)
               : y;
}

enum atm_status atm_zoo_mobilenet_v2(int64_t batch, uint64_t seed,
                                     struct atm_graph **graph)
{
    static const struct { int expand, channels, repeat, stride; } stage[] = {
        {1, 16, 1, 1},  {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
        {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    const int64_t image[] = {3, 224, 224};
    struct atm__net n;
    int s, i, block = 1;
    uint32_t x;

    x = atm__net_begin(&n, "mobilenet_v2", batch, seed, 3, image);
    x = conv_bn(&n, "stem", x, 32, 3, 2, 1, false);
    for (s = 0; s < 7; s++)
        for (i = 0; i < stage[s].repeat; i++)
            x = inverted_residual(&n, block++, x, stage[s].expand,
                                  stage[s].channels,
                                  i == 0 ? stage[s].stride : 1);
    x = conv_bn(&n, "head", x, 1280, 1, 1, 1, false);
    return atm__net_classify(&n, x, graph);
}
