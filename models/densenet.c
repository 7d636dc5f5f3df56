/* densenet.c - DenseNet-121 and DenseNet-264 with growth 32 (Huang et al. 2017,
 * table 1), as torchvision.models.densenet121: BN-ReLU-Conv. The features
 * of a block are joined layer by layer, each Concat taking the one before it:
 * the same values as one long Concat a layer, and all inputs of a kernel stay
 * few. */
#include "builder.h"

#define GROWTH 32

static uint32_t bn_relu_conv(struct atm__net *n, const char *at, int part,
                             uint32_t x, int64_t channels, int64_t kernel)
{
    const struct atm__conv conv = {.channels = channels, .kernel = kernel,
                                   .stride = 1, .pad = kernel / 2,
                                   .groups = 1, .gain = 2};

    x = atm__batch_norm(n, atm__name(n, "%s.norm%d", at, part), x, 1);
    x = atm__relu(n, atm__name(n, "%s.relu%d", at, part), x);
    return atm__conv(n, atm__name(n, "%s.conv%d", at, part), x, &conv);
}

static uint32_t dense_layer(struct atm__net *n, const char *at, uint32_t x)
{
    uint32_t y;

    y = bn_relu_conv(n, at, 1, x, 4 * GROWTH, 1);
    y = bn_relu_conv(n, at, 2, y, GROWTH, 3);
    return atm__concat(n, atm__name(n, "%s.concat", at), x, y);
}

static enum atm_status densenet(const char *name, const int *layers,
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
    x = atm__conv(&n, "conv0", x, &stem);
    x = atm__batch_norm(&n, "norm0", x, 1);
    x = atm__relu(&n, "relu0", x);
    x = atm__max_pool(&n, "pool0", x, 3, 2, 1);
    for (s = 0; s < 4; s++) {
        for (i = 0; i < layers[s]; i++)
            x = dense_layer(&n,
                            atm__name(&n, "block%d.layer%d", s + 1, i + 1), x);
        if (s == 3)
            break;
        x = bn_relu_conv(&n, atm__name(&n, "transition%d", s + 1), 0, x,
                         atm__channels(&n, x) / 2, 1);
        x = atm__average_pool(&n, atm__name(&n, "transition%d.pool", s + 1),
                              x, 2, 2);
    }
    x = atm__batch_norm(&n, "norm5", x, 1);
    x = atm__relu(&n, "relu5", x);
    return atm__net_classify(&n, x, graph);
}

enum atm_status atm_zoo_densenet121(int64_t batch, uint64_t seed,
                                    struct atm_graph **graph)
{
    static const int layers[] = {6, 12, 24, 16};

    return densenet("densenet121", layers, batch, seed, graph);
}

enum atm_status atm_zoo_densenet264(int64_t batch, uint64_t seed,
                                    struct atm_graph **graph)
{
    static const int layers[] = {6, 12, 64, 48};

    return densenet("densenet264", layers, batch, seed, graph);
}
