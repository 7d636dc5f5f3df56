/* vgg.c - VGG-16 and VGG-19, configurations D and E of Simonyan and Zisserman
 * 2015 without batch normalisation, as torchvision.models at inference; and
 * VGG-416, which the papers on vDNN and AutoTM made of VGG-16 by 80 more
 * convolutions in each of its five stages. */
#include "builder.h"

static enum atm_status vgg(const char *name, const int *convs, int64_t batch,
                           uint64_t seed, struct atm_graph **graph)
{
    static const int channels[] = {64, 128, 256, 512, 512};
    const int64_t image[] = {3, 224, 224};
    struct atm__net n;
    uint32_t x;
    int s, i;

    x = atm__net_begin(&n, name, batch, seed, 3, image);
    for (s = 0; s < 5; s++) {
        const struct atm__conv conv = {.channels = channels[s],
                                       .kernel = 3, .stride = 1, .pad = 1,
                                       .groups = 1, .gain = 2, .bias = true};

        for (i = 1; i <= convs[s]; i++) {
            x = atm__conv(&n, atm__name(&n, "conv%d_%d", s + 1, i), x, &conv);
            x = atm__relu(&n, atm__name(&n, "relu%d_%d", s + 1, i), x);
        }
        x = atm__max_pool(&n, atm__name(&n, "pool%d", s + 1), x, 2, 2, 0);
    }
    x = atm__flatten(&n, "flatten", x);
    x = atm__dense(&n, "fc6", x, 4096, 2);
    x = atm__relu(&n, "relu6", x);
    x = atm__dense(&n, "fc7", x, 4096, 2);
    x = atm__relu(&n, "relu7", x);
    x = atm__dense(&n, "logits", x, 1000, 1);
    return atm__net_end(&n, x, graph);
}

enum atm_status atm_zoo_vgg16(int64_t batch, uint64_t seed,
                              struct atm_graph **graph)
{
    static const int convs[] = {2, 2, 3, 3, 3};

    return vgg("vgg16", convs, batch, seed, graph);
}

enum atm_status atm_zoo_vgg19(int64_t batch, uint64_t seed,
                              struct atm_graph **graph)
{
    static const int convs[] = {2, 2, 4, 4, 4};

    return vgg("vgg19", convs, batch, seed, graph);
}

enum atm_status atm_zoo_vgg416(int64_t batch, uint64_t seed,
                               struct atm_graph **graph)
{
    static const int convs[] = {82, 82, 83, 83, 83};

    return vgg("vgg416", convs, batch, seed, graph);
}
