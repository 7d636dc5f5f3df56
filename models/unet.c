/* unet.c - U-Net (Ronneberger et al. 2015) as it is mostly written today: with
 * padding and batch normalisation, 3 channels in, 2 classes a pixel. */
#include "builder.h"

#include <math.h>

#define DEPTH 4

static uint32_t two_convs(struct atm__net *n, const char *at, uint32_t x,
                          int64_t channels)
{
    const struct atm__conv conv = {.channels = channels,
                                   .kernel = 3,
                                   .stride = 1,
                                   .pad = 1,
                                   .groups = 1,
                                   .gain = 2};
    int i;

    for (i = 1; i <= 2; i++) {
        x = atm__conv(n, atm__name(n, "%s.conv%d", at, i), x, &conv);
        x = atm__batch_norm(n, atm__name(n, "%s.bn%d", at, i), x, 1);
        x = atm__relu(n, atm__name(n, "%s.relu%d", at, i), x);
    }
    return x;
}

/* Twice the size, half the channels. */
static uint32_t grow(struct atm__net *n, const char *at, uint32_t x)
{
    int64_t in = atm__channels(n, x), out = in / 2;
    const int64_t two[] = {2, 2}, weight[] = {in, out, 2, 2};
    const struct atm_attr attr[] = {atm__ints_attr("kernel_shape", two, 2),
                                    atm__ints_attr("strides", two, 2)};
    uint32_t ins[3] = {x};

    ins[1] = atm__parameter(n, atm__name(n, "%s.weight", at), 4, weight, 0,
                            sqrt(1 / (double)in));
    ins[2] = atm__parameter(n, atm__name(n, "%s.bias", at), 1, &out, 0, 0.05);
    return atm__layer(n, "ConvTranspose", at, 3, ins, 2, attr);
}

enum atm_status atm_zoo_unet(int64_t batch, uint64_t seed,
                             struct atm_graph **graph)
{
    const int64_t image[] = {3, 256, 256};
    uint32_t skip[DEPTH], x;
    struct atm__net n;
    int i;

    x = atm__net_begin(&n, "unet", batch, seed, 3, image);
    for (i = 0; i < DEPTH; i++) {
        skip[i] = two_convs(&n, atm__name(&n, "down%d", i), x, 64 << i);
        x = atm__max_pool(&n, atm__name(&n, "pool%d", i), skip[i], 2, 2, 0);
    }
    x = two_convs(&n, "bottom", x, 64 << DEPTH);
    for (i = DEPTH - 1; i >= 0; i--) {
        x = grow(&n, atm__name(&n, "grow%d", i), x);
        x = atm__concat(&n, atm__name(&n, "concat%d", i), skip[i], x);
        x = two_convs(&n, atm__name(&n, "up%d", i), x, 64 << i);
    }
    x = atm__conv_last(&n, "logits", x, 2);
    return atm__net_end(&n, x, graph);
}
