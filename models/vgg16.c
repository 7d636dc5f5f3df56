/* vgg16.c - VGG-16, configuration D of Simonyan and Zisserman 2015 without
 * batch normalisation, as torchvision.models.vgg16 at inference. */
#include "builder.h"

enum atm_status atm_zoo_vgg16(int64_t batch, uint64_t seed,
                              struct atm_graph **graph)
{
    static const struct { int convs, channels; } stage[] = {
        {2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}};
    const int64_t image[] = {3, 224, 224};
    struct atm__net n;
    uint32_t x;
    int s, i;

    x = atm__net_begin(&n, "vgg16", batch, seed, 3, image);
    for (s = 0; s < 5; s++) {
        const struct atm__conv conv = {.channels = stage[s].channels,
                                       .kernel = 3, .stride = 1, .pad = 1,
                                       .groups = 1, .gain = 2, .bias = true};

        for (i = 1; i <= stage[s].convs; i++) {
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
