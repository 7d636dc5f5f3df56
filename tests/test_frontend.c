/* test_frontend.c - import, export and arrays: what a model file means, and
 * that no file can do harm. Models are assembled byte by byte, written by the
 * exporter, or come from the official suite. */
#include "arena.h"
#include "atm_test.h"
#include "autotm/frontend.h"
#include "autotm/op.h"
#include "autotm/zoo.h"
#include "wire.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const model = "test_frontend.onnx";

static void put_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL_FATAL(fwrite(p, 1, n, f), n);
    (void)fclose(f);
}

static enum atm_status import(const struct wire *m,
                              const struct atm_import_options *o,
                              struct atm_graph **g)
{
    put_file(model, m->b, m->n);
    return atm_onnx_import(model, o, NULL, g);
}

/* Imports a graph at opset 13 and deletes it. */
static enum atm_status try_graph(const struct wire *graph)
{
    struct wire m = {0};
    struct atm_graph *g;
    enum atm_status st;

    wire_model(&m, graph, 13);
    st = import(&m, NULL, &g);
    if (!st)
        st = atm_graph_check(g);
    atm_graph_delete(&g);
    return st;
}

/* x[3] + w[3] -> Relu -> y */
static struct wire small_graph(void)
{
    static const float w[] = {1, -2, 3};
    struct wire graph = {0};

    wire_node(&graph, "sum", "Add", "x,w", "s", NULL);
    wire_node(&graph, "act", "Relu", "s", "y", NULL);
    wire_str(&graph, 2, "small");
    wire_tensor(&graph, 5, "w", 1, 3, w, sizeof(w));
    wire_value(&graph, 11, "x", 1, "3");
    wire_value(&graph, 12, "y", 1, "3");
    return graph;
}

static uint32_t find(const struct atm_graph *g, const char *name)
{
    uint32_t i;

    for (i = 0; i < g->n_values; i++)
        if (strcmp(g->value[i].name, name) == 0)
            return i;
    return ATM_NONE;
}

static void reads_a_model(void)
{
    struct wire graph = small_graph(), m = {0};
    struct atm_model_info info;
    struct atm_graph *g;
    float w[3];

    wire_model(&m, &graph, 13);
    put_file(model, m.b, m.n);
    ATM_ASSERT_OK(atm_onnx_import(model, NULL, &info, &g));
    ATM_ASSERT_OK(atm_graph_check(g));
    CU_ASSERT_EQUAL(info.ir_version, 7);
    CU_ASSERT_EQUAL(info.opset, 13);
    CU_ASSERT_EQUAL(info.n_nodes, 2);
    CU_ASSERT_EQUAL(info.n_initialisers, 1);
    CU_ASSERT_EQUAL(info.initialiser_bytes, 12);
    CU_ASSERT_STRING_EQUAL(g->name, "small");
    CU_ASSERT_EQUAL_FATAL(g->n_nodes, 2);
    CU_ASSERT_STRING_EQUAL(g->node[0].name, "sum");
    CU_ASSERT_STRING_EQUAL(g->node[1].op->name, "Relu");
    CU_ASSERT_EQUAL(g->n_inputs, 1);
    CU_ASSERT_EQUAL(g->output[0], find(g, "y"));
    ATM_ASSERT_OK(atm_constant_read(g, find(g, "w"), 0, 12, w));
    CU_ASSERT(w[0] == 1 && w[1] == -2 && w[2] == 3);
    atm_graph_delete(&g);
}

/* ---- bytes that are no model ---- */

static void refuses_every_truncation(void)
{
    struct wire graph = small_graph(), m = {0}, cut;
    struct atm_graph *g;

    wire_model(&m, &graph, 13);
    cut = m;
    for (cut.n = 0; cut.n < m.n; cut.n++) {
        enum atm_status st = import(&cut, NULL, &g);

        if (st != ATM_FORMAT)
            fprintf(stderr, "\ncut at %zu: %d %s\n", cut.n, (int)st,
                    st ? atm_errmsg() : "");
        CU_ASSERT_EQUAL(st, ATM_FORMAT);
        CU_ASSERT_PTR_NULL(g);
    }
}

/* Whatever one byte is changed to, the graph is refused or whole. */
static void survives_every_byte(void)
{
    static const uint8_t to[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct wire graph = small_graph(), m = {0}, bad;
    struct atm_graph *g;
    size_t i, k;

    wire_model(&m, &graph, 13);
    for (i = 0; i < m.n; i++)
        for (k = 0; k < sizeof(to) + 8; k++) {
            bad = m;
            bad.b[i] =
                k < sizeof(to) ? to[k] : (uint8_t)(bad.b[i] ^ 1 << (k - 5));
            if (!import(&bad, NULL, &g))
                ATM_ASSERT_OK(atm_graph_check(g));
            atm_graph_delete(&g);
        }
}

/* `depth` nested graphs: graph -> node -> attribute -> graph. */
static enum atm_status nested(int depth)
{
    static uint8_t a[65536], b[65536];
    uint8_t *in = a, *out = b, *t;
    size_t n = 0;
    int i, level;

    for (i = 0; i < depth; i++)
        for (level = 0; level < 3; level++) {
            static const uint8_t field[] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
            struct wire head = {0};

            head.b[head.n++] = field[level];
            wire_varint(&head, n);
            memcpy(out, head.b, head.n);
            memcpy(out + head.n, in, n);
            n += head.n;
            t = in, in = out, out = t;
        }
    {
        struct wire head = {0};
        FILE *f = fopen(model, "wb");
        struct atm_graph *g;
        enum atm_status st;

        wire_int(&head, 1, 7);
        wire_varint(&head, 7 << 3 | 2);
        wire_varint(&head, n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        (void)fwrite(head.b, 1, head.n, f);
        (void)fwrite(in, 1, n, f);
        (void)fclose(f);
        st = atm_onnx_import(model, NULL, NULL, &g);
        CU_ASSERT_PTR_NULL(g);
        return st;
    }
}

static void bounds_depth_and_repetition(void)
{
    struct wire graph = small_graph(), m = {0}, twice = {0};

    ATM_ASSERT_FAILS(nested(17), ATM_FORMAT, "nested more than 16");
    ATM_ASSERT_FAILS(nested(2900), ATM_FORMAT, "nested more than 16");
    wire_model(&m, &graph, 13);
    twice = m;
    wire_msg(&twice, 7, &graph);
    {
        struct atm_graph *g;

        ATM_ASSERT_FAILS(import(&twice, NULL, &g), ATM_FORMAT, "given twice");
    }
}

static size_t peak, live, calls, fail_at;
static bool fail_on;

/* Counts bytes, and fails the n-th call (and all after it, if fail_on). */
static void *counting(void *user, void *p, size_t bytes)
{
    size_t *q = p ? (size_t *)p - 2 : NULL;

    (void)user;
    if (bytes == 0) {
        live -= q ? q[0] : 0;
        free(q);
        return NULL;
    }
    calls++;
    if (fail_at && (calls == fail_at || (fail_on && calls > fail_at)))
        return NULL;
    live += bytes - (q ? q[0] : 0);
    peak = live > peak ? live : peak;
    q = realloc(q, bytes + 2 * sizeof(*q));
    if (!q)
        return NULL;
    q[0] = bytes;
    return q + 2;
}

/* 4 MB of empty attributes would become 584 MB in protobuf-c. */
static void bounds_amplification(void)
{
    enum { N = 2 << 20 };
    uint8_t *bytes = malloc(2 * (size_t)N);
    struct wire head = {0}, node = {0};
    struct atm_graph *g;
    size_t i;
    FILE *f;

    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (i = 0; i < N; i++) {
        bytes[2 * i] = 5 << 3 | 2;
        bytes[2 * i + 1] = 0;
    }
    wire_varint(&node, 1 << 3 | 2);
    wire_varint(&node, 2 * (size_t)N);
    wire_varint(&head, 7 << 3 | 2);
    wire_varint(&head, 2 * (size_t)N + node.n);
    f = fopen(model, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fwrite(head.b, 1, head.n, f);
    (void)fwrite(node.b, 1, node.n, f);
    (void)fwrite(bytes, 1, 2 * (size_t)N, f);
    (void)fclose(f);
    free(bytes);
    peak = live = calls = fail_at = 0;
    atm_set_allocator(counting, NULL);
    ATM_ASSERT_FAILS(atm_onnx_import(model, NULL, NULL, &g), ATM_FORMAT,
                     "of memory");
    atm_set_allocator(NULL, NULL);
    CU_ASSERT_EQUAL(live, 0);
    CU_ASSERT(peak < 256u << 20);
}

static void survives_every_failed_allocation(void)
{
    struct wire graph = small_graph(), m = {0};
    struct atm_graph *g;
    enum atm_status st;
    int mode;
    size_t n;

    wire_model(&m, &graph, 13);
    put_file(model, m.b, m.n);
    for (mode = 0; mode < 2; mode++)
        for (n = 1, st = ATM_NOMEM; st && n < 10000; n++) {
            calls = live = peak = 0;
            fail_at = n;
            fail_on = mode;
            atm_set_allocator(counting, NULL);
            st = atm_onnx_import(model, NULL, NULL, &g);
            atm_graph_delete(&g);
            atm_set_allocator(NULL, NULL);
            CU_ASSERT(st == ATM_OK || st == ATM_NOMEM);
            CU_ASSERT_EQUAL(live, 0);
        }
    fail_at = 0;
    CU_ASSERT(st == ATM_OK && n > 50);
}

/* Fields of a newer ONNX are skipped, not kept. */
static void skips_unknown_fields(void)
{
    struct wire graph = small_graph(), m = {0}, group = {0};
    struct atm_graph *g;

    wire_str(&graph, 900, "from the future");
    wire_int(&graph, 901, 7);
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, NULL, &g));
    atm_graph_delete(&g);
    wire_varint(&group, 902 << 3 | 3); /* a group, which none writes */
    m.n = 0;
    wire_model(&m, &graph, 13);
    memcpy(m.b + m.n, group.b, group.n);
    m.n += group.n;
    ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_FORMAT, "wire type");
}

/* ---- graphs that mean nothing ---- */

static struct wire int_attr(const char *name, int64_t v)
{
    struct wire a = {0};

    wire_str(&a, 1, name);
    wire_int(&a, 3, v);
    wire_int(&a, 20, 2);
    return a;
}

static void refuses_wrong_graphs(void)
{
    static const float w[] = {1, 2, 3};
    struct wire g = {0}, a;

    wire_node(&g, "n", "Relu", "x", "y", NULL);
    wire_value(&g, 11, "x", 1, "3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "no outputs");
    wire_value(&g, 12, "z", 1, "3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "\"z\" is produced by no");

    g = small_graph();
    wire_node(&g, "again", "Relu", "x", "s", NULL);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "\"s\" exists already");
    g = small_graph();
    wire_tensor(&g, 5, "w", 1, 3, w, sizeof(w));
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "two initialisers");
    g = small_graph();
    wire_value(&g, 11, "x", 1, "3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "two inputs");
    g = small_graph();
    wire_value(&g, 12, "y", 1, "3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "two outputs");
    g = small_graph();
    wire_node(&g, "lost", "Relu", "nowhere", "q", NULL);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT,
                     "node 2 \"lost\" (Relu): input \"nowhere\"");
    g = small_graph();
    wire_node(&g, "loop", "Relu", "q", "q", NULL);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "cycle");
    g = small_graph();
    wire_node(&g, "early", "Relu", "r", "q", NULL);
    wire_node(&g, "late", "Relu", "x", "r", NULL);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "unsorted");
    g = small_graph();
    a = int_attr("alpha", 3);
    wire_node(&g, "odd", "Relu", "x", "q", &a);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "no attribute alpha");
    g = small_graph();
    a = int_attr("axis", 0);
    wire_str(&a, 4, "also a string");
    wire_node(&g, "lies", "Softmax", "x", "q", &a);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "another type than it says");
    g = small_graph();
    wire_value(&g, 13, "s", 1, "4");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT,
                     "\"s\" is declared 4 (-1: any), but is 3");
    g = small_graph();
    wire_value(&g, 13, "s", 11, "3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT,
                     "declared double, but is float");
}

static void refuses_wrong_tensors(void)
{
    static const float w[] = {1, 2, 3};
    static const int64_t dims[] = {-4, INT64_C(1) << 62, 2, 4, 0};
    struct wire g, t;
    size_t i;

    for (i = 0; i < sizeof(dims) / sizeof(dims[0]); i++) {
        g = small_graph();
        wire_tensor(&g, 5, "v", 1, dims[i], w, sizeof(w));
        CU_ASSERT_EQUAL(try_graph(&g), ATM_FORMAT);
        g = small_graph();
        wire_tensor(&g, 5, "v", 1, dims[i], NULL, 0);
        CU_ASSERT_EQUAL(try_graph(&g), dims[i] ? ATM_FORMAT : ATM_OK);
    }
    g = small_graph();
    wire_tensor(&g, 5, "v", 99, 3, w, sizeof(w));
    ATM_ASSERT_FAILS(try_graph(&g), ATM_UNSUPPORTED, "element type 99");
    g = small_graph();
    t = (struct wire){0};
    wire_int(&t, 1, 3);
    wire_int(&t, 2, 1);
    wire_str(&t, 8, "v");
    wire_bytes(&t, 9, w, sizeof(w));
    wire_bytes(&t, 4, w, sizeof(w)); /* float_data besides raw_data */
    wire_msg(&g, 5, &t);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "data in two fields");
    g = small_graph();
    t = (struct wire){0};
    for (i = 0; i < 100000 / 2048; i++)
        wire_int(&t, 1, 1); /* rank 48 */
    wire_int(&t, 2, 1);
    wire_str(&t, 8, "v");
    wire_msg(&g, 5, &t);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "rank 48");
    g = small_graph();
    wire_value(&g, 11, "u", 1, "-3");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "dimension 0 is -3");
    g = small_graph();
    wire_value(&g, 11, "u", 1, "4294967296,4294967296");
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "input \"u\"");
    g = small_graph();
    wire_bytes(&g, 10, "nul\0inside", 10);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "NUL");
    g = small_graph();
    wire_bytes(&g, 10, "\xc0\xaf", 2);
    ATM_ASSERT_FAILS(try_graph(&g), ATM_FORMAT, "UTF-8");
}

static void lists_all_that_is_unsupported(void)
{
    static const int64_t opset[] = {0, -3, 99};
    struct wire graph = small_graph(), m, set = {0};
    struct atm_graph *g;
    size_t i;

    wire_node(&graph, "", "Frobnicate", "x", "f1", NULL);
    wire_node(&graph, "", "Frobnicate", "f1", "f2", NULL);
    wire_node(&graph, "", "Quux", "f2", "f3", NULL);
    wire_value(&graph, 11, "t", 8, "2");
    wire_value(&graph, 11, "u", 1, "N"); /* no --dim hides the list */
    ATM_ASSERT_FAILS(try_graph(&graph), ATM_UNSUPPORTED,
                     "not supported: element type 8 (string), operator "
                     "Frobnicate, operator Quux");
    graph = (struct wire){0}; /* known operators in cases that are not */
    wire_value(&graph, 11, "x", 1, "6");
    wire_value(&graph, 11, "to", 7, "2");
    wire_node(&graph, "a", "Reshape", "x,to", "r", NULL);
    wire_node(&graph, "", "Relu", "r", "behind", NULL);
    wire_node(&graph, "b", "Reshape", "x,to", "q", NULL);
    wire_value(&graph, 12, "q", 1, "?,?");
    CU_ASSERT_EQUAL(try_graph(&graph), ATM_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), "node 0 \"a\" (Reshape): "));
    CU_ASSERT_PTR_NOT_NULL(strstr(atm_errmsg(), "node 2 \"b\" (Reshape): "));
    graph = small_graph();
    for (i = 0; i < 3; i++) {
        m = (struct wire){0};
        wire_model(&m, &graph, opset[i]);
        ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_UNSUPPORTED, "opset");
    }
    m = (struct wire){0};
    wire_str(&set, 1, "ai.onnx");
    wire_int(&set, 2, 13);
    wire_msg(&m, 8, &set);
    wire_model(&m, &graph, 13);
    ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_FORMAT, "twice");
}

/* ---- binding ---- */

static void binds_dimensions(void)
{
    struct wire graph = {0}, m = {0};
    struct atm_bind_dim n = {"N", 5}, zero = {"Z", 1};
    struct atm_bind_shape shape = {"x", {2, {5, 3}}};
    struct atm_import_options o = {0};
    struct atm_hash by_dim;
    struct atm_graph *g;

    wire_node(&graph, "", "Relu", "x", "y", NULL);
    wire_value(&graph, 11, "x", 1, "N,3");
    wire_value(&graph, 12, "y", 1, "N,3");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_INVAL, "give --dim N=");
    o.n_dims = 1;
    o.dim = &zero;
    ATM_ASSERT_FAILS(import(&m, &o, &g), ATM_INVAL, "named \"Z\"");
    o.dim = &n;
    ATM_ASSERT_OK(import(&m, &o, &g));
    CU_ASSERT_EQUAL(g->value[g->output[0]].shape.dim[0], 5);
    by_dim = g->model_hash;
    atm_graph_delete(&g);
    o.n_dims = 0;
    o.n_shapes = 1;
    o.shape = &shape;
    ATM_ASSERT_OK(import(&m, &o, &g));
    CU_ASSERT_EQUAL(g->value[g->output[0]].shape.dim[0], 5);
    CU_ASSERT(atm_hash_equal(g->model_hash, by_dim));
    atm_graph_delete(&g);
    shape.shape.dim[0] = 6;
    ATM_ASSERT_OK(import(&m, &o, &g));
    CU_ASSERT(!atm_hash_equal(g->model_hash, by_dim));
    atm_graph_delete(&g);
    shape.shape.dim[1] = 4;
    ATM_ASSERT_FAILS(import(&m, &o, &g), ATM_INVAL, "the model says");
    shape.input = "q";
    ATM_ASSERT_FAILS(import(&m, &o, &g), ATM_INVAL, "no input");

    graph = (struct wire){0};
    m = (struct wire){0};
    wire_node(&graph, "", "Relu", "x", "y", NULL);
    wire_value(&graph, 11, "x", 1, "?,3");
    wire_value(&graph, 12, "y", 1, "?,3");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_INVAL, "give --shape x=");
}

static void overrides_initialisers(void)
{
    float ten[] = {10, 20, 30}, w[3];
    struct atm_array array = {ATM_F32, {1, {3}}, sizeof(ten), ten};
    struct atm_bind_value value = {"w", &array};
    struct atm_import_options o = {.n_values = 1, .value = &value};
    struct wire graph = small_graph(), m = {0};
    struct atm_graph *g;

    wire_model(&m, &graph, 13);
    ATM_ASSERT_FAILS(import(&m, &o, &g), ATM_INVAL, "no input");
    wire_value(&graph, 11, "w", 1, "3");
    m.n = 0;
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, NULL, &g));
    CU_ASSERT_EQUAL(g->n_inputs, 1);
    CU_ASSERT_EQUAL_FATAL(g->n_overridable, 1);
    CU_ASSERT_EQUAL(g->overridable[0], find(g, "w"));
    atm_graph_delete(&g);
    ATM_ASSERT_OK(import(&m, &o, &g));
    ATM_ASSERT_OK(atm_constant_read(g, find(g, "w"), 0, 12, w));
    CU_ASSERT(w[0] == 10 && w[2] == 30);
    atm_graph_delete(&g);
    array.dtype = ATM_I32;
    ATM_ASSERT_FAILS(import(&m, &o, &g), ATM_INVAL, "the model needs");
}

/* An input that decides a shape is bound to its value. */
static void binds_a_shape_input(void)
{
    int64_t two[] = {2, 3};
    struct atm_array array = {ATM_I64, {1, {2}}, sizeof(two), two};
    struct atm_bind_value value = {"shape", &array};
    struct atm_import_options o = {.n_values = 1, .value = &value};
    struct wire graph = {0}, m = {0};
    struct atm_graph *g;

    wire_node(&graph, "", "Reshape", "x,shape", "y", NULL);
    wire_value(&graph, 11, "x", 1, "6");
    wire_value(&graph, 11, "shape", 7, "2");
    wire_value(&graph, 12, "y", 1, "?,?");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_FAILS(import(&m, NULL, &g), ATM_UNSUPPORTED, "shape");
    ATM_ASSERT_OK(import(&m, &o, &g));
    CU_ASSERT_EQUAL(g->n_inputs, 1);
    CU_ASSERT_EQUAL(g->value[g->output[0]].shape.dim[1], 3);
    atm_graph_delete(&g);
}

/* ---- folding and rewriting ---- */

static void folds_shapes(void)
{
    static const int64_t minus[] = {-1};
    struct wire graph = {0}, m = {0}, a = int_attr("axis", 0);
    struct atm_graph *g;

    /* Reshape(x, Concat(Shape(x)[:1], [-1])) is Flatten */
    wire_node(&graph, "", "Shape", "x", "s", NULL);
    wire_node(&graph, "", "Gather", "s,zero", "n", &a);
    wire_node(&graph, "", "Concat", "n,minus", "to", &a);
    wire_node(&graph, "", "Reshape", "x,to", "y", NULL);
    wire_tensor(&graph, 5, "zero", 7, 1, "\0\0\0\0\0\0\0", 8);
    wire_tensor(&graph, 5, "minus", 7, 1, minus, 8);
    wire_value(&graph, 11, "x", 1, "2,3,4");
    wire_value(&graph, 12, "y", 1, "2,12");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, NULL, &g));
    CU_ASSERT_EQUAL(g->n_nodes, 1);
    CU_ASSERT_EQUAL(g->n_values, 3); /* x, to, y */
    ATM_ASSERT_OK(atm_graph_check(g));
    atm_graph_delete(&g);
}

static void removes_copies_but_keeps_output_names(void)
{
    static const float one[] = {1};
    struct wire graph = {0}, m = {0};
    struct atm_graph *g;
    uint32_t i;

    wire_node(&graph, "", "Identity", "x", "a", NULL);
    wire_node(&graph, "relu", "Relu", "a", "b", NULL);
    wire_node(&graph, "", "Dropout", "b", "c", NULL);
    wire_node(&graph, "", "Identity", "c", "y", NULL);
    wire_node(&graph, "", "Identity", "x", "same", NULL); /* input: stays */
    wire_node(&graph, "", "Identity", "k", "const", NULL);
    wire_node(&graph, "dead", "Relu", "c", "unused", NULL);
    wire_tensor(&graph, 5, "k", 1, 1, one, sizeof(one));
    wire_value(&graph, 11, "x", 1, "3");
    wire_value(&graph, 12, "y", 1, "3");
    wire_value(&graph, 12, "same", 1, "3");
    wire_value(&graph, 12, "const", 1, "1");
    wire_value(&graph, 12, "x", 1, "3"); /* the input itself */
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, NULL, &g));
    ATM_ASSERT_OK(atm_graph_check(g));
    CU_ASSERT_EQUAL_FATAL(g->n_nodes, 3);
    CU_ASSERT_EQUAL(g->node[0].in[0], g->input[0]);
    CU_ASSERT_EQUAL(g->node[0].out[0], g->output[0]);
    for (i = 0; i < 3; i++)
        CU_ASSERT_STRING_EQUAL(g->node[i].op->name, i ? "Identity" : "Relu");
    CU_ASSERT_STRING_EQUAL(g->value[g->output[0]].name, "y");
    CU_ASSERT_STRING_EQUAL(g->value[g->output[1]].name, "same");
    CU_ASSERT_STRING_EQUAL(g->value[g->output[2]].name, "const");
    CU_ASSERT_EQUAL(g->value[g->output[2]].constant, ATM_NONE);
    CU_ASSERT_EQUAL(g->output[3], g->input[0]);
    atm_graph_delete(&g);
}

static void can_forget_declared_shapes(void)
{
    struct atm_import_options o = {.ignore_declared = true};
    struct wire graph = small_graph(), m = {0};
    struct atm_graph *g;

    wire_value(&graph, 13, "s", 1, "4");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, &o, &g));
    CU_ASSERT_EQUAL(g->value[g->output[0]].shape.dim[0], 3);
    atm_graph_delete(&g);
}

/* ---- external data ---- */

/* The small model whose w lies in another file. */
static enum atm_status external(const char *location, const char *offset,
                                const char *length, const char *extra,
                                struct atm_graph **g)
{
    const char *key[] = {"location", "offset", "length", extra};
    const char *text[] = {location, offset, length, "1"};
    struct wire graph = {0}, m = {0}, t = {0};
    int i;

    wire_node(&graph, "sum", "Add", "x,w", "y", NULL);
    wire_int(&t, 1, 3);
    wire_int(&t, 2, 1);
    wire_str(&t, 8, "w");
    for (i = 0; i < 4; i++) {
        struct wire e = {0};

        if (!text[i] || !key[i])
            continue;
        wire_str(&e, 1, key[i]);
        wire_str(&e, 2, text[i]);
        wire_msg(&t, 13, &e);
    }
    wire_int(&t, 14, 1);
    wire_msg(&graph, 5, &t);
    wire_value(&graph, 11, "x", 1, "3");
    wire_value(&graph, 12, "y", 1, "3");
    wire_model(&m, &graph, 13);
    put_file("ext/in/m.onnx", m.b, m.n);
    return atm_onnx_import("ext/in/m.onnx", NULL, NULL, g);
}

static void expect_external(const char *location, const char *offset)
{
    struct atm_graph *g;
    float w[3];

    ATM_ASSERT_OK(external(location, offset, "12", NULL, &g));
    ATM_ASSERT_OK(atm_constant_read(g, find(g, "w"), 0, 12, w));
    CU_ASSERT(w[0] == 5 && w[2] == 7);
    atm_graph_delete(&g);
}

static void reads_external_data(void)
{
    static const float w[] = {4, 5, 6, 7};
    char here[512];
    struct atm_graph *g;

    (void)system("rm -rf ext && mkdir -p ext/in/sub ext/blobs ext/snap");
    put_file("ext/in/w.bin", w, sizeof(w));
    put_file("ext/in/sub/w.bin", w, sizeof(w));
    put_file("ext/out.bin", w, sizeof(w));
    CU_ASSERT(symlink("w.bin", "ext/in/inside") == 0);
    CU_ASSERT(symlink("../out.bin", "ext/in/outside") == 0);
    CU_ASSERT(symlink("..", "ext/in/updir") == 0);
    CU_ASSERT(mkfifo("ext/in/fifo", 0600) == 0);
    expect_external("w.bin", "4");
    expect_external("sub/w.bin", "4");
    expect_external("inside", "4");
    ATM_ASSERT_FAILS(external("../out.bin", "4", "12", NULL, &g), ATM_FORMAT,
                     "leads out");
    ATM_ASSERT_FAILS(external("sub/../../out.bin", "4", "12", NULL, &g),
                     ATM_FORMAT, "leads out");
    ATM_ASSERT_FAILS(external("outside", "4", "12", NULL, &g), ATM_FORMAT,
                     "leads out");
    ATM_ASSERT_FAILS(external("updir/out.bin", "4", "12", NULL, &g), ATM_FORMAT,
                     "leads out");
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof(here) - 20));
    strcat(here, "/ext/in/w.bin");
    ATM_ASSERT_FAILS(external(here, "4", "12", NULL, &g), ATM_FORMAT,
                     "leads out");
    ATM_ASSERT_FAILS(external("fifo", "4", "12", NULL, &g), ATM_FORMAT,
                     "regular");
    ATM_ASSERT_FAILS(external("sub", "4", "12", NULL, &g), ATM_FORMAT,
                     "regular");
    ATM_ASSERT_FAILS(external("gone", "4", "12", NULL, &g), ATM_IO, "gone");
    ATM_ASSERT_FAILS(external(NULL, "4", "12", NULL, &g), ATM_FORMAT,
                     "location");
    ATM_ASSERT_FAILS(external("w.bin", "8", "12", NULL, &g), ATM_FORMAT,
                     "beyond");
    ATM_ASSERT_FAILS(external("w.bin", "18446744073709551608", "12", NULL, &g),
                     ATM_FORMAT, "beyond");
    ATM_ASSERT_FAILS(external("w.bin", "18446744073709551620", "12", NULL, &g),
                     ATM_FORMAT, "no number");
    ATM_ASSERT_FAILS(external("w.bin", "-4", "12", NULL, &g), ATM_FORMAT,
                     "no number");
    ATM_ASSERT_FAILS(external("w.bin", " 4", "12", NULL, &g), ATM_FORMAT,
                     "no number");
    ATM_ASSERT_FAILS(external("w.bin", "4", "8", NULL, &g), ATM_FORMAT,
                     "length 8");
    ATM_ASSERT_FAILS(external("w.bin", "4", "12", "offset", &g), ATM_FORMAT,
                     "twice");
    ATM_ASSERT_OK(external("w.bin", "4", NULL, "checksum", &g));
    atm_graph_delete(&g);
}

/* snapshots/model.onnx -> blobs/1, snapshots/w.bin -> blobs/2 */
static void reads_a_download_cache(void)
{
    static const float w[] = {4, 5, 6, 7};
    struct atm_graph *g;

    (void)system("rm -rf ext && mkdir -p ext/in ext/blobs ext/snap");
    put_file("ext/in/w.bin", w, sizeof(w));
    ATM_ASSERT_OK(external("w.bin", "4", "12", NULL, &g));
    atm_graph_delete(&g);
    CU_ASSERT(rename("ext/in/m.onnx", "ext/blobs/1") == 0);
    CU_ASSERT(rename("ext/in/w.bin", "ext/blobs/2") == 0);
    CU_ASSERT(symlink("../blobs/1", "ext/snap/m.onnx") == 0);
    CU_ASSERT(symlink("../blobs/2", "ext/snap/w.bin") == 0);
    ATM_ASSERT_OK(atm_onnx_import("ext/snap/m.onnx", NULL, NULL, &g));
    atm_graph_delete(&g);
    CU_ASSERT(unlink("ext/snap/w.bin") == 0);
    CU_ASSERT(symlink("../../test_frontend.onnx", "ext/snap/w.bin") == 0);
    ATM_ASSERT_FAILS(atm_onnx_import("ext/snap/m.onnx", NULL, NULL, &g),
                     ATM_FORMAT, "leads out");
}

/* ---- export ---- */

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *p;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    (void)fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    p = malloc(*n + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(fread(p, 1, *n, f), *n);
    (void)fclose(f);
    return p;
}

/* The zoo's mlp, written and read: same nodes, same weights, and the weights
 * stay in the file. */
static void exports_and_imports(void)
{
    struct atm_graph *g, *h;
    float a[1000], b[1000];
    uint32_t i, files = 0;
    size_t na, nb;
    char *one, *two;

    ATM_ASSERT_OK(atm_zoo_find("mlp")->build(2, 1, &g));
    ATM_ASSERT_OK(atm_onnx_export(g, "mlp_a.onnx", true));
    ATM_ASSERT_FAILS(atm_onnx_export(g, "mlp_a.onnx", false), ATM_INVAL,
                     "exists");
    peak = live = calls = fail_at = 0;
    atm_set_allocator(counting, NULL);
    ATM_ASSERT_OK(atm_onnx_import("mlp_a.onnx", NULL, NULL, &h));
    CU_ASSERT(peak < 2u << 20); /* of 11 MB */
    ATM_ASSERT_OK(atm_onnx_export(h, "mlp_b.onnx", true));
    ATM_ASSERT_OK(atm_graph_check(h));
    CU_ASSERT_EQUAL(h->n_nodes, g->n_nodes);
    for (i = 0; i < h->n_values; i++) {
        uint32_t old = find(g, h->value[i].name);

        CU_ASSERT_FATAL(old != ATM_NONE);
        CU_ASSERT(atm_shape_equal(&h->value[i].shape, &g->value[old].shape));
        if (h->value[i].constant == ATM_NONE)
            continue;
        files += h->constant[h->value[i].constant].kind == ATM_CONST_FILE;
        if (h->constant[h->value[i].constant].bytes < sizeof(a))
            continue;
        ATM_ASSERT_OK(atm_constant_read(g, old, 0, sizeof(a), a));
        ATM_ASSERT_OK(atm_constant_read(h, i, 0, sizeof(b), b));
        CU_ASSERT(memcmp(a, b, sizeof(a)) == 0);
    }
    CU_ASSERT(files >= 4);
    atm_graph_delete(&h);
    atm_set_allocator(NULL, NULL);
    CU_ASSERT_EQUAL(live, 0);
    one = slurp("mlp_a.onnx", &na);
    two = slurp("mlp_b.onnx", &nb);
    CU_ASSERT(na == nb && memcmp(one, two, na) == 0);
    free(one);
    free(two);
    atm_graph_delete(&g);
}

/* A large packed float_data is the same bytes as raw_data. */
static void leaves_packed_floats_in_the_file(void)
{
    float w[400], back[400];
    struct wire graph = {0}, m = {0}, t = {0};
    struct atm_graph *g;
    uint32_t i;

    for (i = 0; i < 400; i++)
        w[i] = (float)i;
    wire_node(&graph, "", "Add", "x,w", "y", NULL);
    wire_int(&t, 1, 400);
    wire_int(&t, 2, 1);
    wire_str(&t, 8, "w");
    wire_bytes(&t, 4, w, sizeof(w));
    wire_msg(&graph, 5, &t);
    wire_value(&graph, 11, "x", 1, "400");
    wire_value(&graph, 12, "y", 1, "400");
    wire_model(&m, &graph, 13);
    ATM_ASSERT_OK(import(&m, NULL, &g));
    i = find(g, "w");
    CU_ASSERT_EQUAL(g->constant[g->value[i].constant].kind, ATM_CONST_FILE);
    ATM_ASSERT_OK(atm_constant_read(g, i, 0, sizeof(back), back));
    CU_ASSERT(memcmp(w, back, sizeof(w)) == 0);
    atm_graph_delete(&g);
}

/* ---- arrays ---- */

static void reads_and_writes_arrays(void)
{
    double v[] = {1, -2.5, 3, 4, 5, 6};
    struct atm_array a = {ATM_F64, {2, {2, 3}}, sizeof(v), v}, b;
    struct atm_shape other = {2, {3, 2}};
    static const char numpy[] = /* numpy.save of int16 [7, 8] */
        "\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, "
        "'shape': (2,), }";
    char bytes[132];

    ATM_ASSERT_OK(atm_array_write_npy("a.npy", &a, true));
    ATM_ASSERT_FAILS(atm_array_write_npy("a.npy", &a, false), ATM_INVAL,
                     "exists");
    ATM_ASSERT_OK(atm_array_read("a.npy", ATM_F64, &a.shape, &b));
    CU_ASSERT(b.bytes == sizeof(v) && memcmp(b.data, v, sizeof(v)) == 0);
    atm_array_clear(&b);
    ATM_ASSERT_FAILS(atm_array_read("a.npy", ATM_F64, &other, &b), ATM_FORMAT,
                     "expected is double 3x2");
    ATM_ASSERT_FAILS(atm_array_read("a.npy", ATM_F32, &a.shape, &b), ATM_FORMAT,
                     "expected is float");
    memset(bytes, ' ', sizeof(bytes));
    memcpy(bytes, numpy, sizeof(numpy) - 1);
    memcpy(bytes + 127, "\n\x07\x00\x08\x00", 5);
    put_file("b.npy", bytes, sizeof(bytes));
    ATM_ASSERT_OK(atm_array_read("b.npy", ATM_DTYPE_NONE, NULL, &b));
    CU_ASSERT(b.dtype == ATM_I16 && b.shape.rank == 1 &&
              ((int16_t *)b.data)[1] == 8);
    atm_array_clear(&b);
    put_file("b.npy", bytes, sizeof(bytes) - 1);
    ATM_ASSERT_FAILS(atm_array_read("b.npy", ATM_DTYPE_NONE, NULL, &b),
                     ATM_FORMAT, "b.npy: 3 bytes of elements");
    put_file("raw.bin", v, sizeof(v));
    ATM_ASSERT_OK(atm_array_read("raw.bin", ATM_F64, &other, &b));
    CU_ASSERT(memcmp(b.data, v, sizeof(v)) == 0);
    atm_array_clear(&b);
    ATM_ASSERT_FAILS(atm_array_read("raw.bin", ATM_F64, NULL, &b), ATM_INVAL,
                     "need a type and a shape");
    ATM_ASSERT_FAILS(atm_array_read("raw.bin", ATM_F32, &other, &b), ATM_FORMAT,
                     "48 bytes");
    ATM_ASSERT_FAILS(atm_array_read("none.npy", ATM_F32, &other, &b), ATM_IO,
                     "none.npy");
}

static void survives_cut_arrays(void)
{
    static const float v[] = {1, 2};
    struct wire t = {0};
    double x[6] = {0};
    struct atm_array a = {ATM_F64, {2, {2, 3}}, sizeof(x), x}, b;
    size_t n, i;
    char *bytes;

    wire_int(&t, 1, 2);
    wire_int(&t, 2, 1);
    wire_bytes(&t, 9, v, sizeof(v));
    put_file("t.pb", t.b, t.n);
    ATM_ASSERT_OK(
        atm_array_read("t.pb", ATM_F32, &(struct atm_shape){1, {2}}, &b));
    CU_ASSERT(memcmp(b.data, v, sizeof(v)) == 0);
    atm_array_clear(&b);
    for (i = 0; i < t.n; i++) {
        put_file("t.pb", t.b, i);
        CU_ASSERT_EQUAL(atm_array_read("t.pb", ATM_DTYPE_NONE, NULL, &b),
                        ATM_FORMAT);
    }
    ATM_ASSERT_OK(atm_array_write_npy("a.npy", &a, true));
    bytes = slurp("a.npy", &n);
    for (i = 0; i < n; i++) {
        put_file("a.npy", bytes, i);
        CU_ASSERT_EQUAL(atm_array_read("a.npy", ATM_DTYPE_NONE, NULL, &b),
                        ATM_FORMAT);
    }
    free(bytes);
}

static const struct atm_test tests[] = {
    {"reads a model", reads_a_model},
    {"refuses every truncation", refuses_every_truncation},
    {"survives every byte", survives_every_byte},
    {"bounds depth and repetition", bounds_depth_and_repetition},
    {"bounds amplification", bounds_amplification},
    {"survives every failed allocation", survives_every_failed_allocation},
    {"skips unknown fields", skips_unknown_fields},
    {"refuses wrong graphs", refuses_wrong_graphs},
    {"refuses wrong tensors", refuses_wrong_tensors},
    {"lists all that is unsupported", lists_all_that_is_unsupported},
    {"binds dimensions", binds_dimensions},
    {"overrides initialisers", overrides_initialisers},
    {"binds a shape input", binds_a_shape_input},
    {"folds shapes", folds_shapes},
    {"removes copies but keeps output names",
     removes_copies_but_keeps_output_names},
    {"can forget declared shapes", can_forget_declared_shapes},
    {"reads external data", reads_external_data},
    {"reads a download cache", reads_a_download_cache},
    {"exports and imports", exports_and_imports},
    {"leaves packed floats in the file", leaves_packed_floats_in_the_file},
    {"reads and writes arrays", reads_and_writes_arrays},
    {"survives cut arrays", survives_cut_arrays},
    {NULL, NULL}};
ATM_TEST_MAIN("frontend", tests)
