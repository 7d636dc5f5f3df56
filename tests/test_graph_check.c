/* test_graph_check.c - the graph checker against planted faults, and the dump.
 *
 * One small good graph (Conv with a fused addition, Reshape by a constant,
 * Concat) is built afresh for each row; the row breaks one thing, and the
 * checker must name it. */
#include "atm_test.h"
#include "autotm/op.h"

#include <jansson.h>
#include <stdlib.h>

enum { X, W, RES, CONV, SHAPE, FLAT, CAT, N_VALUES };

static uint32_t add_value(struct atm_graph *g, const char *name,
                          enum atm_dtype dtype, struct atm_shape shape)
{
    uint32_t id = ATM_NONE;

    ATM_ASSERT_OK(atm_graph_add_value(g, name, dtype, &shape, &id));
    return id;
}

static struct atm_graph *good_graph(void)
{
    static const int64_t dims[2] = {1, -1};
    const struct atm_constant weights = {
        .kind = ATM_CONST_GENERATED, .bytes = 4 * 2 * 3 * 3 * 4, .stddev = 0.5};
    const struct atm_constant shape = {
        .kind = ATM_CONST_INLINE, .bytes = 16, .data = dims};
    const struct atm_attr axis = {.name = "axis", .kind = ATM_ATTR_INT, .i = 0};
    struct atm_graph *g = NULL;

    ATM_ASSERT_OK(atm_graph_new(&g));
    (void)add_value(g, "x", ATM_F32, (struct atm_shape){4, {1, 2, 5, 5}});
    (void)add_value(g, "w", ATM_F32, (struct atm_shape){4, {4, 2, 3, 3}});
    (void)add_value(g, "res", ATM_F32, (struct atm_shape){4, {1, 4, 3, 3}});
    (void)add_value(g, "conv", ATM_F32, (struct atm_shape){4, {1, 4, 3, 3}});
    (void)add_value(g, "shape", ATM_I64, (struct atm_shape){1, {2}});
    (void)add_value(g, "flat", ATM_F32, (struct atm_shape){2, {1, 36}});
    (void)add_value(g, "cat", ATM_F32, (struct atm_shape){2, {2, 36}});
    ATM_ASSERT_OK(atm_graph_add_constant(g, &weights, &g->value[W].constant));
    ATM_ASSERT_OK(atm_graph_add_constant(g, &shape, &g->value[SHAPE].constant));
    ATM_ASSERT_OK(atm_graph_add_input(g, X));
    ATM_ASSERT_OK(atm_graph_add_input(g, RES));
    ATM_ASSERT_OK(atm_graph_add_node(g, "conv1", atm_op_find("", "Conv"), 13, 3,
                                     (const uint32_t[]){X, W, RES}, 1,
                                     (const uint32_t[]){CONV}, 0, NULL, NULL));
    g->node[0].n_post = 2;
    g->node[0].post[0] = (struct atm_post){ATM_POST_ADD, 0, 0, 2};
    g->node[0].post[1] = (struct atm_post){.kind = ATM_POST_RELU};
    ATM_ASSERT_OK(atm_graph_add_node(g, "", atm_op_find("", "Reshape"), 13, 2,
                                     (const uint32_t[]){CONV, SHAPE}, 1,
                                     (const uint32_t[]){FLAT}, 0, NULL, NULL));
    ATM_ASSERT_OK(atm_graph_add_node(g, "join", atm_op_find("", "Concat"), 13,
                                     2, (const uint32_t[]){FLAT, FLAT}, 1,
                                     (const uint32_t[]){CAT}, 1, &axis, NULL));
    ATM_ASSERT_OK(atm_graph_add_output(g, CAT));
    ATM_ASSERT_OK(atm_graph_check(g));
    return g;
}

static void same_names(struct atm_graph *g)
{
    g->value[FLAT].name = "w";
}
static void bad_constant(struct atm_graph *g)
{
    g->value[W].constant = 9;
}
static void short_constant(struct atm_graph *g)
{
    g->constant[0].bytes = 4;
}
static void wide_generated(struct atm_graph *g)
{
    g->value[W].dtype = ATM_I32;
}
static void lost_inline(struct atm_graph *g)
{
    g->constant[1].data = NULL;
}
static void no_file(struct atm_graph *g)
{
    g->constant[0].kind = ATM_CONST_FILE;
}
static void scale_of_itself(struct atm_graph *g)
{
    static const float ones[4] = {1, 1, 1, 1};

    g->constant[0].kind = ATM_CONST_ROW_SCALE;
    g->constant[0].source = 0;
    g->constant[0].scale = ones;
}
static void unknown_kind(struct atm_graph *g)
{
    g->constant[0].kind = (enum atm_constant_kind)77;
}
static void overridable(struct atm_graph *g)
{
    ATM_ASSERT_OK(atm_graph_add_overridable(g, X));
}
static void input_twice(struct atm_graph *g)
{
    g->input[1] = X;
}
static void input_nowhere(struct atm_graph *g)
{
    g->input[0] = N_VALUES;
}
static void input_shapeless(struct atm_graph *g)
{
    g->value[X].shape_known = false;
}
static void operand_nowhere(struct atm_graph *g)
{
    g->node[0].in[0] = 99;
}
static void wrong_order(struct atm_graph *g)
{
    struct atm_node first = g->node[0];

    g->node[0] = g->node[1];
    g->node[1] = first;
}
static void own_output(struct atm_graph *g)
{
    g->node[0].in[2] = CONV;
}
static void written_twice(struct atm_graph *g)
{
    g->node[1].out[0] = CONV;
}
static void constant_written(struct atm_graph *g)
{
    g->node[1].out[0] = W;
}
static void output_beyond(struct atm_graph *g)
{
    g->node[2].out[0] = 99;
}
static void no_operator(struct atm_graph *g)
{
    g->node[1].op = NULL;
}
static void wrong_shape(struct atm_graph *g)
{
    g->value[CONV].shape.dim[2] = 4;
}
static void wrong_type(struct atm_graph *g)
{
    g->value[CAT].dtype = ATM_I32;
}
static void wrong_attribute(struct atm_graph *g)
{
    g->node[2].attr[0].i = 2;
}
static void wrong_post(struct atm_graph *g)
{
    g->node[0].post[0].input = 7;
}
static void omitted(struct atm_graph *g)
{
    g->node[2].in[1] = ATM_NONE;
}
static void unproduced(struct atm_graph *g)
{
    g->n_nodes = 2;
}
static void output_nowhere(struct atm_graph *g)
{
    g->output[0] = N_VALUES;
}
static void reshape_by_data(struct atm_graph *g)
{
    g->value[SHAPE].constant = ATM_NONE;
    ATM_ASSERT_OK(atm_graph_add_input(g, SHAPE));
}

static const struct fault {
    void (*plant)(struct atm_graph *g);
    const char *says;
} faults[] = {
    {same_names, "value w: two values have this name"},
    {bad_constant, "value w: constant 9 does not exist"},
    {short_constant, "constant w has 4 bytes, its shape needs 288"},
    {wide_generated, "constant w: only float can be generated"},
    {lost_inline, "constant shape: no inline data"},
    {no_file, "constant w lies in no file"},
    {scale_of_itself, "constant w: its source does not fit"},
    {unknown_kind, "constant w is of an unknown kind"},
    {overridable, "overridable value 0 is no constant"},
    {input_twice, "graph input x is listed twice"},
    {input_nowhere, "graph input 0: value 7 does not exist"},
    {input_shapeless, "graph input x has no type or shape"},
    {operand_nowhere, "node conv1 (#0): input 0: value 99 does not exist"},
    {wrong_order, "node without name (#0): input conv is not there yet"},
    {own_output, "input conv is not there yet"},
    {written_twice, "output conv is produced twice"},
    {constant_written, "output w is produced twice"},
    {output_beyond, "node join (#2): output 0: value 99 does not exist"},
    {no_operator, "it has no operator"},
    {wrong_shape, "output conv is 1x4x4x3 of float in the graph, 1x4x3x3 of"},
    {wrong_type, "output cat is 2x36 of int32 in the graph, 2x36 of float"},
    {wrong_attribute, "node join (#2): Concat: axis 2 is outside rank 2"},
    {wrong_post, "post 0 adds input 7, which is none of its"},
    {omitted, "Concat: input 1 may not be omitted"},
    {unproduced, "graph output cat: nothing produces it"},
    {output_nowhere, "graph output 0: value 7 does not exist"},
    {reshape_by_data, "input 1 (shape) decides a shape"},
};

static void test_faults(void)
{
    size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct atm_graph *g = good_graph();
        enum atm_status st;

        faults[i].plant(g);
        st = atm_graph_check(g);
        if (!st || !strstr(atm_errmsg(), faults[i].says)) {
            fprintf(stderr, "\n  wanted \"%s\", got \"%s\"\n", faults[i].says,
                    st ? atm_errmsg() : "no failure");
            CU_FAIL("wrong sentence");
        }
        atm_graph_delete(&g);
    }
}

/* Each call into the allocator fails once, or from then on, until a run needs
 * no more calls than were granted. */
struct budget {
    int left;
    bool once;
};

static void *failing(void *user, void *ptr, size_t bytes)
{
    struct budget *b = user;

    if (bytes == 0) {
        free(ptr);
        return NULL;
    }
    if (b->left-- == 0 || (b->left < 0 && !b->once))
        return NULL;
    return realloc(ptr, bytes);
}

static void test_out_of_memory(void)
{
    struct atm_graph *g = good_graph();
    struct budget b;
    char *json;
    int n, mode;

    for (mode = 0; mode < 2; mode++)
        for (n = 0; n < 600; n++) {
            enum atm_status st;

            b = (struct budget){n, mode == 0};
            atm_set_allocator(failing, &b);
            st = atm_graph_check(g);
            CU_ASSERT(st == ATM_NOMEM || st == ATM_OK);
            b = (struct budget){n, mode == 0};
            st = atm_graph_to_json(g, &json);
            CU_ASSERT(st == ATM_NOMEM || st == ATM_OK);
            if (!st)
                atm_string_free(json);
            if (b.left >= 0 && st == ATM_OK)
                break;
        }
    CU_ASSERT(n > 0 && n < 600);
    atm_set_allocator(NULL, NULL);
    atm_graph_delete(&g);
}

static void test_dump(void)
{
    struct atm_graph *g = good_graph();
    char *json = NULL, *again = NULL;
    json_t *root, *node;

    g->value[RES].name = "bad\xff\x1b";
    ATM_ASSERT_OK(atm_graph_to_json(g, &json));
    ATM_ASSERT_OK(atm_graph_to_json(g, &again));
    CU_ASSERT_STRING_EQUAL(json, again);
    root = json_loads(json, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(root, "values")), N_VALUES);
    node = json_array_get(json_object_get(root, "nodes"), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(node, "op")),
                           "Conv");
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(
            json_array_get(json_object_get(node, "posts"), 0), "add")),
        "bad?\x1b");
    json_decref(root);
    atm_string_free(json);
    atm_string_free(again);
    atm_graph_delete(&g);
}

static const struct atm_test tests[] = {
    {"every planted fault is named", test_faults},
    {"every failed allocation is survived", test_out_of_memory},
    {"the dump is JSON and repeats itself", test_dump},
    {NULL, NULL}};

ATM_TEST_MAIN("graph_check", tests)
