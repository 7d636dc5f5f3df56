/* dlrm.c - the deep learning recommendation model (Naumov et al. 2019) in the
 * sizes of its Criteo Kaggle benchmark: 13 numbers and 26 categories in, one
 * probability out. */
#include "transformer.h"

#define TABLES 26
#define WIDTH 16

/* Categories of each feature of the data set. */
static const int64_t rows[TABLES] = {
    1460,  583,  10131227, 2202608, 305, 24,     12517,   633,   3,
    93145, 5683, 8351593,  3194,    27,  14992,  5461306, 10,    5652,
    2173,  4,    7046547,  18,      15,  286181, 105,     142572};

static uint32_t perceptron(struct atm__net *n, const char *at, uint32_t x,
                           const int64_t *features, int layers, bool bare_end)
{
    int i;

    for (i = 0; i < layers; i++) {
        x = atm__dense(n, atm__name(n, "%s%d", at, i), x, features[i], 2);
        if (i + 1 < layers || !bare_end)
            x = atm__relu(n, atm__name(n, "%s%d.relu", at, i), x);
    }
    return x;
}

/* The products of each pair among the dense vector and the 26 embeddings,
 * behind the dense vector itself. */
static uint32_t interact(struct atm__net *n, uint32_t count, uint32_t *vector)
{
    const int64_t stacked[] = {n->batch, count, WIDTH}, swap[] = {0, 2, 1};
    const struct atm_attr perm = atm__ints_attr("perm", swap, 3);
    int64_t pair[(TABLES + 1) * TABLES / 2];
    uint32_t x, y, i, k, n_pairs = 0;

    for (i = 1; i < count; i++)
        for (k = 0; k < i; k++)
            pair[n_pairs++] = i * count + k;
    x = atm__concat_all(n, "vectors", count, vector);
    x = atm__reshape(n, "stacked", x, 3, stacked);
    y = atm__layer(n, "Transpose", "turned", 1, &x, 1, &perm);
    x = atm__binary(n, "MatMul", "products", x, y);
    x = atm__flatten(n, "products.flat", x);
    x = atm__gather(n, "pairs", x,
                    atm__int_list(n, "pairs.index", n_pairs, pair), 1);
    return atm__concat(n, "interaction", vector[0], x);
}

enum atm_status atm_zoo_dlrm(int64_t batch, uint64_t seed,
                             struct atm_graph **graph)
{
    static const int64_t bottom[] = {512, 256, 64, WIDTH},
                         top[] = {512, 256, 1};
    uint32_t vector[TABLES + 1], ids, x;
    const int64_t numbers = 13;
    struct atm__net n;
    int i;

    x = atm__net_begin(&n, "dlrm", batch, seed, 1, &numbers);
    vector[0] = perceptron(&n, "bottom", x, bottom, 4, false);
    for (i = 0; i < TABLES; i++) {
        const int64_t table[] = {rows[i], WIDTH};
        uint32_t w =
            atm__parameter(&n, atm__name(&n, "table%d", i), 2, table, 0, 0.25);

        ids = atm__input(&n, atm__name(&n, "category%d", i), ATM_I64, 0, NULL);
        vector[i + 1] =
            atm__gather(&n, atm__name(&n, "embedding%d", i), w, ids, 0);
    }
    x = interact(&n, TABLES + 1, vector);
    x = perceptron(&n, "top", x, top, 3, true);
    x = atm__unary(&n, "Sigmoid", "probability", x);
    return atm__net_end(&n, x, graph);
}
