/* vit_b16.c - Vision Transformer B/16 (Dosovitskiy et al. 2021), as
 * torchvision.models.vit_b_16. */
#include "transformer.h"

#define WIDTH 768
#define PATCHES 196 /* 14 x 14 */

/* The image as a row of patches behind the class token. */
static uint32_t patches(struct atm__net *n, uint32_t x)
{
    const struct atm__conv cut = {.channels = WIDTH,
                                  .kernel = 16,
                                  .stride = 16,
                                  .groups = 1,
                                  .gain = 1,
                                  .bias = true};
    const int64_t row[] = {n->batch, WIDTH, PATCHES}, swap[] = {0, 2, 1};
    const int64_t one[] = {1, 1, WIDTH}, all[] = {n->batch, 1, WIDTH};
    const int64_t place[] = {1, PATCHES + 1, WIDTH};
    const struct atm_attr perm = atm__ints_attr("perm", swap, 3);
    uint32_t token;

    x = atm__conv(n, "patch", x, &cut);
    x = atm__reshape(n, "patch.row", x, 3, row);
    x = atm__layer(n, "Transpose", "patch.tokens", 1, &x, 1, &perm);
    token = atm__parameter(n, "class_token", 3, one, 0, 0.5);
    token = atm__binary(n, "Expand", "class", token,
                        atm__int_list(n, "class.shape", 3, all));
    x = atm__concat(n, "tokens", token, x);
    return atm__add(n, "embedding", x,
                    atm__parameter(n, "positions", 3, place, 0, 0.5));
}

enum atm_status atm_zoo_vit_b16(int64_t batch, uint64_t seed,
                                struct atm_graph **graph)
{
    const struct atm__transformer t = {.length = PATCHES + 1,
                                       .width = WIDTH,
                                       .heads = 12,
                                       .inner = 3072,
                                       .epsilon = 1e-6f,
                                       .norm_first = true,
                                       .mask = ATM_NONE};
    const int64_t image[] = {3, 224, 224};
    struct atm__net n;
    uint32_t x;
    int i;

    x = atm__net_begin(&n, "vit_b16", batch, seed, 3, image);
    n.opset = 17;
    x = patches(&n, x);
    for (i = 0; i < 12; i++)
        x = atm__transformer_block(&n, atm__name(&n, "layer%d", i), x, &t);
    x = atm__layer_norm(&n, "norm", x, WIDTH, t.epsilon);
    x = atm__first(&n, "first", x);
    x = atm__dense(&n, "logits", x, 1000, 1);
    return atm__net_end(&n, x, graph);
}
