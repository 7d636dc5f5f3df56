/* yolo_tiny.c - Tiny YOLOv2 (Redmon and Farhadi 2017), as darknet's
 * tiny-yolo-voc.cfg: 5 boxes of 25 numbers for each of 13 x 13 cells. */
#include "builder.h"

static uint32_t leaky_conv(struct atm__net *n, int at, uint32_t x,
                           int64_t channels)
{
    const struct atm_attr slope = {
        .name = "alpha", .kind = ATM_ATTR_FLOAT, .f = 0.1f};
    const struct atm__conv conv = {.channels = channels,
                                   .kernel = 3,
                                   .stride = 1,
                                   .pad = 1,
                                   .groups = 1,
                                   .gain = 2};

    x = atm__conv(n, atm__name(n, "conv%d", at), x, &conv);
    x = atm__batch_norm(n, atm__name(n, "bn%d", at), x, 1);
    return atm__layer(n, "LeakyRelu", atm__name(n, "leaky%d", at), 1, &x, 1,
                      &slope);
}

/* 2 x 2 with stride 1, so that the size stays. */
static uint32_t last_pool(struct atm__net *n, uint32_t x)
{
    static const int64_t two[] = {2, 2}, one[] = {1, 1}, end[] = {0, 0, 1, 1};
    const struct atm_attr attr[] = {atm__ints_attr("kernel_shape", two, 2),
                                    atm__ints_attr("strides", one, 2),
                                    atm__ints_attr("pads", end, 4)};

    return atm__layer(n, "MaxPool", "pool6", 1, &x, 3, attr);
}

enum atm_status atm_zoo_yolo_tiny(int64_t batch, uint64_t seed,
                                  struct atm_graph **graph)
{
    const int64_t image[] = {3, 416, 416};
    struct atm__net n;
    uint32_t x;
    int i;

    x = atm__net_begin(&n, "yolo_tiny", batch, seed, 3, image);
    for (i = 1; i <= 6; i++) {
        x = leaky_conv(&n, i, x, 8 << i);
        x = i < 6 ? atm__max_pool(&n, atm__name(&n, "pool%d", i), x, 2, 2, 0)
                  : last_pool(&n, x);
    }
    x = leaky_conv(&n, 7, x, 1024);
    x = leaky_conv(&n, 8, x, 1024);
    x = atm__conv_last(&n, "boxes", x, 125);
    return atm__net_end(&n, x, graph);
}
