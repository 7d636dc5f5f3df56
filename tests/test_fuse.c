/* test_fuse.c - fusion keeps the meaning and finds what it should: original
 * and fused graph are evaluated with the reference kernels on the same data. */
#include "atm_test.h"
#include "autotm/frontend.h"
#include "autotm/zoo.h"
#include "graph_eval.h"
#include "rng.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUITE "/usr/share/libonnx-testdata/data"

/* The same input by name, whatever its id. */
static void fill(const struct atm_graph *g, uint32_t value, void *data,
                 uint64_t bytes, void *user)
{
    uint64_t seed = 5, i;
    const char *s;

    (void)user;
    for (s = g->value[value].name; *s; s++)
        seed = seed * 31 + (unsigned char)*s;
    if (g->value[value].dtype == ATM_F32)
        atm_rng_normal(seed, 0, bytes / 4, data);
    else
        for (i = 0; i < bytes; i++)
            ((char *)data)[i] = 0;
}

/* Largest difference over all outputs, relative to the largest value. */
static double difference(const struct atm_graph *a, const struct graph_eval *x,
                         const struct atm_graph *b, const struct graph_eval *y)
{
    double worst = 0, largest = 1;
    uint32_t i;

    CU_ASSERT_EQUAL_FATAL(a->n_outputs, b->n_outputs);
    for (i = 0; i < a->n_outputs; i++) {
        const struct atm_value *u = &a->value[a->output[i]];
        const struct atm_value *v = &b->value[b->output[i]];
        const float *p = x->data[a->output[i]], *q = y->data[b->output[i]];
        uint64_t bytes, k;

        CU_ASSERT_STRING_EQUAL(u->name, v->name);
        CU_ASSERT_FATAL(u->dtype == v->dtype &&
                        atm_shape_equal(&u->shape, &v->shape));
        ATM_ASSERT_OK(atm_shape_bytes(&u->shape, u->dtype, &bytes));
        if (u->dtype != ATM_F32) {
            CU_ASSERT(memcmp(p, q, bytes) == 0);
            continue;
        }
        for (k = 0; k < bytes / 4; k++) {
            if (p[k] == q[k] || (isnan(p[k]) && isnan(q[k])))
                continue;
            worst = fmax(worst, fabs((double)p[k] - (double)q[k]));
            largest = fmax(largest, fabs((double)p[k]));
        }
    }
    return worst / largest;
}

/* Evaluates, fuses, checks, evaluates again. */
static void expect_same(struct atm_graph *g, const char *what)
{
    struct graph_eval before, after;
    struct atm_graph was = *g;
    double d;
    uint32_t *output = malloc(g->n_outputs * sizeof(*output));
    struct atm_value *value = malloc(g->n_values * sizeof(*value));

    ATM_ASSERT_OK(atm_graph_check(g));
    ATM_ASSERT_OK(graph_eval(g, fill, NULL, &before));
    memcpy(output, g->output, g->n_outputs * sizeof(*output));
    memcpy(value, g->value, g->n_values * sizeof(*value));
    was.output = output;
    was.value = value;
    ATM_ASSERT_OK(atm_graph_fuse(g));
    ATM_ASSERT_OK(atm_graph_check(g));
    ATM_ASSERT_OK(graph_eval(g, fill, NULL, &after));
    d = difference(&was, &before, g, &after);
    if (d > 1e-5)
        fprintf(stderr, "\n%s: differs by %g\n", what, d);
    CU_ASSERT(d <= 1e-5);
    graph_eval_clear(&before);
    graph_eval_clear(&after);
    free(output);
    free(value);
}

/* ---- graphs by hand ---- */

static uint32_t weight(struct atm_graph *g, double mean, double stddev,
                       uint32_t rank, int64_t a, int64_t b, int64_t c,
                       int64_t d)
{
    struct atm_shape s = {rank, {a, b, c, d}};
    struct atm_constant k = {.kind = ATM_CONST_GENERATED,
                             .mean = mean,
                             .stddev = stddev,
                             .seed = g->n_values + 1};
    uint32_t id;

    ATM_ASSERT_OK(atm_shape_bytes(&s, ATM_F32, &k.bytes));
    ATM_ASSERT_OK(atm_graph_add_value(g, NULL, ATM_F32, &s, &id));
    ATM_ASSERT_OK(atm_graph_add_constant(g, &k, &g->value[id].constant));
    return id;
}

static uint32_t input(struct atm_graph *g, const char *name, uint32_t rank,
                      int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct atm_shape s = {rank, {a, b, c, d}};
    uint32_t id;

    ATM_ASSERT_OK(atm_graph_add_value(g, name, ATM_F32, &s, &id));
    ATM_ASSERT_OK(atm_graph_add_input(g, id));
    return id;
}

/* A node of up to five inputs (ATM_NONE ends them) with an inferred result. */
static uint32_t node(struct atm_graph *g, const char *op, const char *result,
                     uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
{
    uint32_t in[] = {a, b, c, d, e, ATM_NONE}, n = 0, id, at;
    int64_t pads[] = {1, 1, 1, 1};
    struct atm_attr pad = {
        .name = "pads", .kind = ATM_ATTR_INTS, .n = 4, .ints = pads};
    struct atm_arena *arena = atm_arena_new();
    struct atm_call call;
    bool padded;

    while (in[n] != ATM_NONE)
        n++;
    padded = strcmp(op, "Conv") == 0 && g->value[b].shape.dim[2] == 3;
    ATM_ASSERT_OK(atm_graph_add_value(g, result, ATM_DTYPE_NONE, NULL, &id));
    ATM_ASSERT_OK(atm_graph_add_node(g, result, atm_op_find("", op), 13, n, in,
                                     1, &id, padded ? 1 : 0, &pad, &at));
    ATM_ASSERT_OK(atm_node_call(g, &g->node[at], arena, &call));
    ATM_ASSERT_OK(atm_op_infer(&call));
    g->value[id].dtype = call.out[0].dtype;
    g->value[id].shape = call.out[0].shape;
    g->value[id].shape_known = true;
    atm_arena_delete(arena);
    return id;
}

static uint32_t conv(struct atm_graph *g, uint32_t x, int64_t channels,
                     int64_t k)
{
    return node(g, "Conv", NULL, x,
                weight(g, 0, 0.3, 4, channels, g->value[x].shape.dim[1], k, k),
                ATM_NONE, ATM_NONE, ATM_NONE);
}

static uint32_t norm(struct atm_graph *g, uint32_t x)
{
    int64_t c = g->value[x].shape.dim[1];

    return node(
        g, "BatchNormalization", NULL, x, weight(g, 1, 0.2, 1, c, 0, 0, 0),
        weight(g, 0, 0.2, 1, c, 0, 0, 0), weight(g, 0, 0.2, 1, c, 0, 0, 0),
        weight(g, 2, 0.1, 1, c, 0, 0, 0));
}

static uint32_t relu(struct atm_graph *g, uint32_t x)
{
    return node(g, "Relu", NULL, x, ATM_NONE, ATM_NONE, ATM_NONE, ATM_NONE);
}

static uint32_t add(struct atm_graph *g, uint32_t x, uint32_t y)
{
    return node(g, "Add", NULL, x, y, ATM_NONE, ATM_NONE, ATM_NONE);
}

static uint32_t count(const struct atm_graph *g, const char *op)
{
    uint32_t i, n = 0;

    for (i = 0; i < g->n_nodes; i++)
        n += strcmp(g->node[i].op->name, op) == 0;
    return n;
}

static struct atm_graph *begin(uint32_t *x)
{
    struct atm_graph *g;

    ATM_ASSERT_OK(atm_graph_new(&g));
    *x = input(g, "x", 4, 1, 4, 6, 6);
    return g;
}

static void folds_a_residual_block(void)
{
    uint32_t x, a, b;
    struct atm_graph *g = begin(&x);
    const struct atm_node *last;

    a = relu(g, norm(g, conv(g, x, 8, 3)));
    b = norm(g, conv(g, relu(g, norm(g, conv(g, a, 8, 1))), 8, 3));
    b = relu(g, add(g, b, a));
    ATM_ASSERT_OK(atm_graph_add_output(g, b));
    expect_same(g, "residual block");
    CU_ASSERT_EQUAL_FATAL(g->n_nodes, 3);
    last = &g->node[2];
    CU_ASSERT_EQUAL(last->n_in, 4);
    CU_ASSERT_EQUAL(last->n_post, 2);
    CU_ASSERT_EQUAL(last->post[0].kind, ATM_POST_ADD);
    CU_ASSERT_EQUAL(last->post[1].kind, ATM_POST_RELU);
    CU_ASSERT_EQUAL(last->in[3], g->node[0].out[0]);
    CU_ASSERT_EQUAL(g->constant[g->value[last->in[1]].constant].kind,
                    ATM_CONST_ROW_SCALE);
    atm_graph_delete(&g);
}

static void takes_the_later_conv(void)
{
    uint32_t x, a, b, c;
    struct atm_graph *g = begin(&x);

    a = relu(g, conv(g, x, 8, 3));
    b = conv(g, a, 8, 3);
    c = conv(g, a, 8, 1); /* a projection that comes last */
    ATM_ASSERT_OK(atm_graph_add_output(g, add(g, b, c)));
    expect_same(g, "two convs");
    CU_ASSERT_EQUAL_FATAL(g->n_nodes, 3);
    CU_ASSERT_EQUAL(g->node[1].n_post, 0);
    CU_ASSERT_EQUAL(g->node[2].n_post, 1);
    CU_ASSERT_EQUAL(g->node[2].in[2], g->node[1].out[0]);
    atm_graph_delete(&g);
}

/* Each case must leave the Add where it is. */
static void leaves_sums_that_are_not_in_place(void)
{
    uint32_t x, a, b, i;

    for (i = 0; i < 6; i++) {
        struct atm_graph *g = begin(&x);

        a = relu(g, conv(g, x, 4, 3));
        switch (i) {
        case 0: /* with a graph input */
            b = add(g, conv(g, a, 4, 3), x);
            break;
        case 1: /* with what is read again */
            b = add(g, conv(g, a, 4, 1), a);
            b = add(g, a, b);
            break;
        case 2: /* with the conv's own input */
            b = add(g, conv(g, a, 4, 3), a);
            break;
        case 3: /* conv's result is needed elsewhere */
            b = conv(g, relu(g, conv(g, a, 4, 3)), 4, 3);
            ATM_ASSERT_OK(atm_graph_add_output(g, b));
            b = add(g, b, a);
            break;
        case 4: /* the other is an output */
            ATM_ASSERT_OK(atm_graph_add_output(g, a));
            b = add(g, conv(g, relu(g, conv(g, a, 4, 3)), 4, 3), a);
            break;
        default: /* shapes differ: 1x1 is broadcast */
            b = node(g, "GlobalAveragePool", NULL, a, ATM_NONE, ATM_NONE,
                     ATM_NONE, ATM_NONE);
            b = add(g, conv(g, a, 4, 3), b);
        }
        ATM_ASSERT_OK(atm_graph_add_output(g, b));
        expect_same(g, "not in place");
        CU_ASSERT(count(g, "Add") >= 1);
        atm_graph_delete(&g);
    }
}

static void folds_scale_shift_and_clip(void)
{
    uint32_t x, a;
    struct atm_graph *g = begin(&x);

    a = conv(g, x, 8, 3);
    a = node(g, "Mul", NULL, weight(g, 1, 0.3, 4, 1, 8, 1, 1), a, ATM_NONE,
             ATM_NONE, ATM_NONE);
    a = add(g, a, weight(g, 0, 1, 3, 8, 1, 1, 0));
    a = norm(g, a);
    a = node(g, "Clip", NULL, a, weight(g, -0.5, 0, 0, 0, 0, 0, 0),
             weight(g, 0.7, 0, 0, 0, 0, 0, 0), ATM_NONE, ATM_NONE);
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    expect_same(g, "scale, shift, clip");
    CU_ASSERT_EQUAL_FATAL(g->n_nodes, 1);
    CU_ASSERT_EQUAL(g->node[0].n_post, 1);
    CU_ASSERT_EQUAL(g->node[0].post[0].kind, ATM_POST_CLIP);
    atm_graph_delete(&g);
}

static void makes_gemm_of_matmul_and_row(void)
{
    struct atm_graph *g;
    uint32_t x, a;

    ATM_ASSERT_OK(atm_graph_new(&g));
    x = input(g, "x", 2, 3, 16, 0, 0);
    a = node(g, "MatMul", NULL, x, weight(g, 0, 1, 2, 16, 5, 0, 0), ATM_NONE,
             ATM_NONE, ATM_NONE);
    a = relu(g, add(g, weight(g, 0, 1, 1, 5, 0, 0, 0), a));
    a = node(g, "MatMul", NULL, a, weight(g, 0, 1, 2, 5, 3, 0, 0), ATM_NONE,
             ATM_NONE, ATM_NONE);
    a = add(g, a, weight(g, 0, 1, 2, 3, 3, 0, 0)); /* no row */
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    expect_same(g, "gemm");
    CU_ASSERT_EQUAL(count(g, "Gemm"), 1);
    CU_ASSERT_EQUAL(count(g, "MatMul"), 1);
    CU_ASSERT_EQUAL(count(g, "Add"), 1);
    CU_ASSERT_EQUAL(count(g, "Relu"), 0);
    atm_graph_delete(&g);
}

/* Before opset 7 `axis` aligns the second operand: a row of a square result is
 * no column, and [C,1,1] at axis 0 goes along the batch. */
static void minds_the_axis_of_old_models(void)
{
    uint32_t x, a, i;

    for (i = 0; i < 4; i++) {
        struct atm_attr attr[2] = {
            {.name = "broadcast", .kind = ATM_ATTR_INT, .i = 1},
            {.name = "axis", .kind = ATM_ATTR_INT, .i = i % 2}};
        struct atm_graph *g;

        ATM_ASSERT_OK(atm_graph_new(&g));
        if (i < 2) {
            x = input(g, "x", 2, 5, 7, 0, 0);
            a = node(g, "MatMul", NULL, x, weight(g, 0, 1, 2, 7, 5, 0, 0),
                     ATM_NONE, ATM_NONE, ATM_NONE);
            a = add(g, a, weight(g, 0, 1, 1, 5, 0, 0, 0));
        } else {
            x = input(g, "x", 4, 5, 2, 3, 3);
            a = conv(g, x, 5, 3);
            a = add(g, a, weight(g, 0, 1, 3, 5, 1, 1, 0));
        }
        g->node[0].opset = g->node[1].opset = 6;
        g->node[1].n_attr = 2;
        g->node[1].attr = attr;
        ATM_ASSERT_OK(atm_graph_add_output(g, a));
        expect_same(g, "axis");
        CU_ASSERT_EQUAL(g->n_nodes, i % 2 ? 1 : 2);
        atm_graph_delete(&g);
    }
}

static void keeps_outputs_in_the_middle(void)
{
    uint32_t x, a, b;
    struct atm_graph *g = begin(&x);

    a = conv(g, x, 8, 3);
    ATM_ASSERT_OK(atm_graph_add_output(g, a));
    b = norm(g, a);
    ATM_ASSERT_OK(atm_graph_add_output(g, b));
    ATM_ASSERT_OK(atm_graph_add_output(g, relu(g, b)));
    expect_same(g, "outputs in the middle");
    CU_ASSERT_EQUAL(g->n_nodes, 3);
    atm_graph_delete(&g);
}

/* What is left of the zoo networks; the counts are those of the papers. */
static void fuses_the_zoo(void)
{
    static const struct {
        const char *name;
        uint32_t conv, gemm, sum, leftover; /* Relu, Clip, BN, Add */
    } want[] = {{"resnet50", 53, 1, 16, 0},
                {"vgg16", 13, 3, 0, 0},
                {"mobilenet_v2", 52, 1, 10, 0},
                {"mlp", 0, 4, 0, 0}};
    struct atm_graph *g;
    uint32_t i, k, p, sums;

    for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        const struct atm_zoo_network *z = atm_zoo_find(want[i].name);

        CU_ASSERT_PTR_NOT_NULL_FATAL(z);
        ATM_ASSERT_OK(z->build(1, 1, &g));
        ATM_ASSERT_OK(atm_graph_fuse(g));
        ATM_ASSERT_OK(atm_graph_check(g));
        for (k = sums = 0; k < g->n_nodes; k++)
            for (p = 0; p < g->node[k].n_post; p++)
                sums += g->node[k].post[p].kind == ATM_POST_ADD;
        CU_ASSERT_EQUAL(count(g, "Conv"), want[i].conv);
        CU_ASSERT_EQUAL(count(g, "Gemm"), want[i].gemm);
        CU_ASSERT_EQUAL(sums, want[i].sum);
        CU_ASSERT_EQUAL(count(g, "Relu") + count(g, "Clip") +
                            count(g, "BatchNormalization") + count(g, "Add"),
                        want[i].leftover);
        atm_graph_delete(&g);
    }
}

/* Every model of the official suite that can be imported and has convolutions
 * or products to fuse into. */
static void keeps_the_suite(void)
{
    static const char *const folder[] = {"node", "pytorch-converted",
                                         "pytorch-operator", "simple"};
    char path[600];
    uint32_t i, n = 0;

    for (i = 0; i < 4; i++) {
        struct dirent *entry;
        DIR *dir;

        (void)snprintf(path, sizeof(path), SUITE "/%s", folder[i]);
        dir = opendir(path);
        while (dir && (entry = readdir(dir)) != NULL) {
            struct atm_graph *g;

            (void)snprintf(path, sizeof(path), SUITE "/%s/%s/model.onnx",
                           folder[i], entry->d_name);
            if (atm_onnx_import(path, NULL, NULL, &g))
                continue;
            if (count(g, "Conv") + count(g, "Gemm") + count(g, "MatMul") > 0) {
                expect_same(g, path);
                n++;
            }
            atm_graph_delete(&g);
        }
        if (dir)
            closedir(dir);
    }
    if (access(SUITE, F_OK) == 0) {
        CU_ASSERT(n > 40);
    } else {
        fprintf(stderr, "SKIPPED: libonnx-testdata is not installed ");
    }
}

static size_t calls, fail_at;

static void *failing(void *user, void *p, size_t bytes)
{
    (void)user;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return ++calls == fail_at ? NULL : realloc(p, bytes);
}

/* Reading, fusing and writing a block that needs every pass, with each
 * allocation failing in turn. */
static void survives_every_failed_allocation(void)
{
    uint32_t x, a;
    struct atm_graph *g = begin(&x);
    enum atm_status st = ATM_NOMEM;

    a = relu(g, norm(g, conv(g, x, 4, 1)));
    a = add(g, norm(g, conv(g, relu(g, conv(g, a, 4, 1)), 4, 1)), a);
    ATM_ASSERT_OK(atm_graph_add_output(g, relu(g, a)));
    ATM_ASSERT_OK(atm_onnx_export(g, "fuse_block.onnx", true));
    atm_graph_delete(&g);
    for (fail_at = 1; st && fail_at < 10000; fail_at++) {
        calls = 0;
        atm_set_allocator(failing, NULL);
        st = atm_onnx_import("fuse_block.onnx", NULL, NULL, &g);
        if (!st)
            st = atm_onnx_export(g, "fuse_copy.onnx", true);
        if (!st)
            st = atm_graph_fuse(g);
        atm_graph_delete(&g);
        atm_set_allocator(NULL, NULL);
        CU_ASSERT(st == ATM_OK || st == ATM_NOMEM);
    }
    CU_ASSERT(st == ATM_OK && fail_at > 200);
}

static const struct atm_test tests[] = {
    {"folds a residual block", folds_a_residual_block},
    {"takes the later conv", takes_the_later_conv},
    {"leaves sums that are not in place", leaves_sums_that_are_not_in_place},
    {"folds scale, shift and clip", folds_scale_shift_and_clip},
    {"makes Gemm of MatMul and a row", makes_gemm_of_matmul_and_row},
    {"minds the axis of old models", minds_the_axis_of_old_models},
    {"keeps outputs in the middle", keeps_outputs_in_the_middle},
    {"fuses the zoo", fuses_the_zoo},
    {"keeps the suite", keeps_the_suite},
    {"survives every failed allocation", survives_every_failed_allocation},
    {NULL, NULL}};
ATM_TEST_MAIN("fuse", tests)
