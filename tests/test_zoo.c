/* test_zoo.c - the zoo's networks against published figures: parameters and
 * multiply-accumulates as torchvision documents them for the same networks. */
#include "atm_test.h"

#include "autotm/op.h"
#include "autotm/zoo.h"

#include <stdlib.h>

/* Work: torchvision's and timm's figures where they list the network; Tiny
 * YOLOv2: half of darknet's 6.97 billion operations; the rest from their layer
 * tables by hand, attention and MLP apart (below). */
struct figures {
    const char *name;
    uint64_t parameters;
    double giga_macs; /* published with two digits */
    uint32_t n_inputs, rank;
    int64_t dim[4]; /* of the output, behind the batch */
};

/* Products with weights, and of attention, of transformer blocks. */
#define BLOCKS(n, length, width)                                               \
    ((n) * (12.0 * (length) * (width) * (width) +                             \
            2.0 * (length) * (length) * (width)) / 1e9)

static const struct figures published[] = {
    {"resnet50", 25557032, 4.09, 1, 2, {1000}},
    {"vgg16", 138357544, 15.47, 1, 2, {1000}},
    {"mobilenet_v2", 3504872, 0.30, 1, 2, {1000}},
    {"densenet121", 7978856, 2.83, 1, 2, {1000}},
    {"mlp", 2797010, 0.0028, 1, 2, {10}},
    {"resnet200", 64673832, 15.07, 1, 2, {1000}},
    {"densenet264", 33337704, 5.75, 1, 2, {1000}},
    {"vgg19", 143667240, 19.63, 1, 2, {1000}},
    /* VGG-16 and 80 more layers a stage */
    {"vgg416",
     138357544 + 80 * (36864 + 64 + 147456 + 128 + 589824 + 256 +
                       2 * (2359296 + 512)),
     15.47 + 80 * (36864.0 * 50176 + 147456.0 * 12544 + 589824.0 * 3136 +
                   2359296.0 * (784 + 196)) / 1e9,
     1, 2, {1000}},
    {"inception_v4", 42679816, 12.28, 1, 2, {1000}},
    {"yolo_tiny", 15861773, 3.485, 1, 4, {125, 13, 13}},
    {"unet", 31037698, 48.17, 1, 4, {2, 256, 256}},
    {"bert_base", 109482240, BLOCKS(12, 128, 768), 3, 2, {768}},
    {"gpt2_small", 124439808, BLOCKS(12, 128, 768) + 128.0 * 768 * 50257 / 1e9,
     1, 3, {128, 50257}},
    {"vit_b16", 86567656, 17.56, 1, 2, {1000}},
    {"dlrm", 540677217, 0.000487, 27, 2, {1}},
};
#define NETWORKS (sizeof(published) / sizeof(*published))

static struct atm_graph *build(const char *name, int64_t batch, uint64_t seed)
{
    const struct atm_zoo_network *net = atm_zoo_find(name);
    struct atm_graph *g = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(net);
    ATM_ASSERT_OK(net->build(batch, seed, &g));
    return g;
}

/* Elements of the constants that training would learn. */
static uint64_t parameters(const struct atm_graph *g)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < g->n_values; i++)
        if (g->value[i].constant != ATM_NONE &&
            g->constant[g->value[i].constant].kind == ATM_CONST_GENERATED &&
            !strstr(g->value[i].name, "running_"))
            sum += g->constant[g->value[i].constant].bytes / sizeof(float);
    return sum;
}

/* Products of a node: each output element of Conv and Gemm takes one row of
 * the weight, of MatMul one column of the second factor; that of a transposed
 * convolution without overlap one weight a channel. */
static double work(const struct atm_graph *g, const struct atm_node *n)
{
    const struct atm_shape *w = n->n_in > 1 && n->in[1] != ATM_NONE
                                    ? &g->value[n->in[1]].shape
                                    : NULL;
    int64_t out;

    ATM_ASSERT_OK(atm_shape_count(&g->value[n->out[0]].shape, &out));
    if (strcmp(n->op->name, "Conv") == 0)
        return (double)out * (double)(w->dim[1] * w->dim[2] * w->dim[3]);
    if (strcmp(n->op->name, "Gemm") == 0)
        return (double)out * (double)w->dim[1];
    if (strcmp(n->op->name, "MatMul") == 0)
        return (double)out * (double)w->dim[w->rank - 2];
    if (strcmp(n->op->name, "ConvTranspose") == 0)
        return (double)out * (double)w->dim[0];
    return 0;
}

static double macs(const struct atm_graph *g)
{
    double sum = 0;
    uint32_t i;

    for (i = 0; i < g->n_nodes; i++)
        sum += work(g, &g->node[i]);
    return sum;
}

static void test_published(void)
{
    size_t i;

    for (i = 0; i < NETWORKS; i++) {
        struct atm_graph *g = build(published[i].name, 1, 1);
        const struct atm_shape *y = &g->value[g->output[0]].shape;
        double want = published[i].giga_macs;

        CU_ASSERT_EQUAL(parameters(g), published[i].parameters);
        CU_ASSERT(macs(g) > 0.98 * want * 1e9 && macs(g) < 1.02 * want * 1e9);
        CU_ASSERT(y->rank == published[i].rank && y->dim[0] == 1);
        CU_ASSERT_EQUAL(memcmp(y->dim + 1, published[i].dim,
                               (y->rank - 1) * sizeof(y->dim[0])),
                        0);
        CU_ASSERT(g->n_inputs == published[i].n_inputs && g->n_outputs == 1);
        atm_graph_delete(&g);
    }
    CU_ASSERT_PTR_NOT_NULL(atm_zoo_at(NETWORKS - 1));
    CU_ASSERT_PTR_NULL(atm_zoo_at(NETWORKS));
    CU_ASSERT_PTR_NULL(atm_zoo_find("resnet51"));
}

static void test_batch(void)
{
    size_t i;

    for (i = 0; i < NETWORKS; i++) {
        struct atm_graph *g = build(published[i].name, 3, 1);

        CU_ASSERT_EQUAL(g->value[g->input[0]].shape.dim[0], 3);
        CU_ASSERT_EQUAL(g->value[g->output[0]].shape.dim[0], 3);
        CU_ASSERT_EQUAL(parameters(g), published[i].parameters);
        atm_graph_delete(&g);
        ATM_ASSERT_FAILS(atm_zoo_at((uint32_t)i)->build(0, 1, &g), ATM_INVAL,
                         "batch");
        CU_ASSERT_PTR_NULL(g);
        CU_ASSERT_NOT_EQUAL(
            atm_zoo_at((uint32_t)i)->build(INT64_MAX, 1, &g), ATM_OK);
        CU_ASSERT_PTR_NULL(g);
    }
}

static void read_start(const struct atm_graph *g, uint32_t v, float *to)
{
    ATM_ASSERT_OK(atm_constant_read(g, v, 0, 64 * sizeof(*to), to));
}

/* Equal seeds give equal weights, other seeds and other tensors others;
 * variances stay positive. */
static void test_weights(void)
{
    struct atm_graph *a = build("resnet50", 1, 7), *b = build("resnet50", 1, 7);
    struct atm_graph *c = build("resnet50", 1, 8);
    float x[64], y[64], z[64], before[64] = {0};
    uint32_t i, k;

    for (i = 0; i < a->n_values; i++) {
        const struct atm_value *v = &a->value[i];

        if (v->constant == ATM_NONE)
            continue;
        read_start(a, i, x);
        read_start(b, i, y);
        read_start(c, i, z);
        CU_ASSERT_EQUAL(memcmp(x, y, sizeof(x)), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(x, z, sizeof(x)), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(x, before, sizeof(x)), 0);
        memcpy(before, x, sizeof(x));
        for (k = 0; k < 64 && strstr(v->name, "running_var"); k++)
            CU_ASSERT(x[k] > 0.1f && x[k] < 2);
    }
    atm_graph_delete(&a);
    atm_graph_delete(&b);
    atm_graph_delete(&c);
}

static void test_checked(void)
{
    size_t i;

    for (i = 0; i < NETWORKS; i++) {
        struct atm_graph *g = build(published[i].name, 1, 1);

        ATM_ASSERT_OK(atm_graph_check(g));
        atm_graph_delete(&g);
    }
}

static int calls_left;

static void *failing(void *user, void *ptr, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(ptr);
        return NULL;
    }
    return calls_left-- > 0 ? realloc(ptr, bytes) : NULL;
}

/* Each allocation in turn fails: NOMEM, nothing leaked, nothing half made. */
static void test_no_memory(void)
{
    const struct atm_zoo_network *net = atm_zoo_find("mobilenet_v2");
    enum atm_status st = ATM_NOMEM;
    struct atm_graph *g;
    int n;

    atm_set_allocator(failing, NULL);
    for (n = 0; st == ATM_NOMEM && n < 10000; n++) {
        calls_left = n;
        st = net->build(1, 1, &g);
        CU_ASSERT(st == ATM_OK || (st == ATM_NOMEM && !g));
    }
    CU_ASSERT_EQUAL(st, ATM_OK);
    CU_ASSERT(n > 1);
    calls_left = 1 << 30;
    atm_graph_delete(&g);
    atm_set_allocator(NULL, NULL);
}

static const struct atm_test tests[] = {
    {"parameters and work as published", test_published},
    {"any batch, refused where impossible", test_batch},
    {"weights follow the seed", test_weights},
    {"graphs pass the checker", test_checked},
    {"each failed allocation is reported", test_no_memory},
    {NULL, NULL}};

ATM_TEST_MAIN("zoo", tests)
