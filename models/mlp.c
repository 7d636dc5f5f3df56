/* mlp.c - the perceptron 784-1000-1000-1000-10, ReLU between its layers. */
#include "builder.h"

enum atm_status atm_zoo_mlp(int64_t batch, uint64_t seed,
                            struct atm_graph **graph)
{
    const int64_t pixels = 784;
    struct atm__net n;
    uint32_t x;
    int i;

    x = atm__net_begin(&n, "mlp", batch, seed, 1, &pixels);
    for (i = 1; i <= 3; i++) {
        x = atm__dense(&n, atm__name(&n, "fc%d", i), x, 1000, 2);
        x = atm__relu(&n, atm__name(&n, "relu%d", i), x);
    }
    x = atm__dense(&n, "logits", x, 10, 1);
    return atm__net_end(&n, x, graph);
}
