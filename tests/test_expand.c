/* test_expand.c - control flow and functions: what is expanded, and that
 * nothing endless, unknown or malformed is. Values are compared with ONNX
 * Runtime's by expand_oracle.py. */
#include "atm_test.h"
#include "autotm/frontend.h"
#include "autotm/op.h"
#include "wire.h"

#include <stdio.h>

static const char *const model = "test_expand.onnx";

static enum atm_status import(const struct wire *graph,
                              const struct wire *function,
                              const struct atm_import_options *o,
                              struct atm_graph **g)
{
    struct wire m = {0};
    FILE *f = fopen(model, "wb");

    wire_model(&m, graph, 17);
    if (function)
        wire_msg(&m, 25, function);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL_FATAL(fwrite(m.b, 1, m.n, f), m.n);
    (void)fclose(f);
    return atm_onnx_import(model, o, NULL, g);
}

static struct wire graph_attr(const char *name, const struct wire *graph)
{
    struct wire a = {0};

    wire_str(&a, 1, name);
    wire_msg(&a, 6, graph);
    wire_int(&a, 20, 5);
    return a;
}

/* NodeProto with two attributes, or one. */
static void node_of_two(struct wire *graph, const char *op, const char *in,
                        const char *out, const struct wire *a,
                        const struct wire *b)
{
    struct wire whole = {0};
    size_t from;

    wire_node(&whole, "flow", op, in, out, a);
    if (!b) {
        memcpy(graph->b + graph->n, whole.b, whole.n);
        graph->n += whole.n;
        return;
    }
    /* the node again, with its second attribute behind */
    for (from = 1; whole.b[from] & 0x80; from++)
        ;
    from++;
    memmove(whole.b, whole.b + from, whole.n - from);
    whole.n -= from;
    wire_msg(&whole, 5, b);
    wire_msg(graph, 1, &whole);
}

/* The same with graphs as attributes. */
static void control_node(struct wire *graph, const char *op, const char *in,
                         const char *out, const char *a_name,
                         const struct wire *a, const char *b_name,
                         const struct wire *b)
{
    struct wire first = graph_attr(a_name, a), second = {0};

    if (b)
        second = graph_attr(b_name, b);
    node_of_two(graph, op, in, out, &first, b ? &second : NULL);
}

/* y = op(x), x from outside */
static struct wire branch(const char *op)
{
    struct wire g = {0};

    wire_node(&g, "", op, "x", "r", NULL);
    wire_value(&g, 12, "r", 1, "3");
    return g;
}

static struct wire if_graph(void)
{
    struct wire g = {0}, then = branch("Neg"), otherwise = branch("Exp");

    control_node(&g, "If", "c", "y", "then_branch", &then, "else_branch",
                 &otherwise);
    wire_value(&g, 11, "x", 1, "3");
    wire_value(&g, 11, "c", 9, "");
    wire_value(&g, 12, "y", 1, "3");
    return g;
}

static void takes_the_branch_that_a_value_decides(void)
{
    static const char *const taken[] = {"Exp", "Neg"};
    struct wire graph = if_graph();
    uint8_t c;

    for (c = 0; c < 2; c++) {
        struct atm_array value = {
            .dtype = ATM_BOOL, .bytes = 1, .data = &c, .shape = {.rank = 0}};
        struct atm_bind_value bind = {"c", &value};
        struct atm_import_options o = {.n_values = 1, .value = &bind};
        struct atm_graph *g;

        ATM_ASSERT_OK(import(&graph, NULL, &o, &g));
        ATM_ASSERT_OK(atm_graph_check(g));
        CU_ASSERT_EQUAL(g->n_nodes, 1);
        CU_ASSERT_STRING_EQUAL(g->node[0].op->name, taken[c]);
        CU_ASSERT_EQUAL(g->n_inputs, 1);
        atm_graph_delete(&g);
    }
}

static void an_open_condition_is_refused_by_name(void)
{
    struct wire graph = if_graph();
    struct atm_graph *g;

    ATM_ASSERT_FAILS(import(&graph, NULL, NULL, &g), ATM_UNSUPPORTED, "If");
    ATM_ASSERT_FAILS(import(&graph, NULL, NULL, &g), ATM_UNSUPPORTED,
                     "condition \"c\" is not known");
}

/* A Loop of `op` over x with `trips` iterations; the condition of the next is
 * body value `cond`. */
static struct wire loop_graph(int64_t trips, const char *cond)
{
    struct wire g = {0}, body = {0};

    wire_node(&body, "", "Relu", "v", "w", NULL);
    wire_node(&body, "", "ReduceMax", "v", "top", NULL);
    wire_node(&body, "", "Greater", "top,top", "open", NULL);
    wire_node(&body, "", "Identity", "more", "same", NULL);
    wire_value(&body, 11, "i", 7, "");
    wire_value(&body, 11, "more", 9, "");
    wire_value(&body, 11, "v", 1, "3");
    wire_value(&body, 12, cond, 9, "");
    wire_value(&body, 12, "w", 1, "3");
    control_node(&g, "Loop", "trips,,x", "y", "body", &body, NULL, NULL);
    wire_tensor(&g, 5, "trips", 7, -1, &trips, sizeof(trips));
    wire_value(&g, 11, "x", 1, "3");
    wire_value(&g, 12, "y", 1, "3");
    return g;
}

static void loops_are_unrolled_under_a_bound(void)
{
    struct wire graph = loop_graph(5, "same");
    struct atm_graph *g;

    ATM_ASSERT_OK(import(&graph, NULL, NULL, &g));
    ATM_ASSERT_OK(atm_graph_check(g));
    CU_ASSERT_EQUAL(g->n_nodes, 5);
    atm_graph_delete(&g);
    graph = loop_graph(INT64_MAX, "same");
    ATM_ASSERT_FAILS(import(&graph, NULL, NULL, &g), ATM_UNSUPPORTED,
                     "more than 1024 iterations");
    graph = loop_graph(5, "open");
    ATM_ASSERT_FAILS(import(&graph, NULL, NULL, &g), ATM_UNSUPPORTED,
                     "depends on what the model computes");
    graph = loop_graph(-3, "same");
    ATM_ASSERT_OK(import(&graph, NULL, NULL, &g));
    atm_graph_delete(&g);
}

/* f(a) = op(a) twice, in domain "own" */
static struct wire function_of(const char *op, const char *domain)
{
    struct wire f = {0}, set = {0}, node = {0};
    int i;

    wire_str(&f, 1, "f");
    wire_str(&f, 4, "a");
    wire_str(&f, 5, "c");
    for (i = 0; i < 2; i++) {
        memset(&node, 0, sizeof(node));
        wire_str(&node, 1, i ? "b" : "a");
        wire_str(&node, 2, i ? "c" : "b");
        wire_str(&node, 4, op);
        wire_str(&node, 7, domain);
        wire_msg(&f, 7, &node);
    }
    wire_str(&set, 1, "");
    wire_int(&set, 2, 17);
    wire_msg(&f, 9, &set);
    wire_str(&f, 10, "own");
    return f;
}

static struct wire call_graph(void)
{
    struct wire g = {0}, node = {0};

    wire_str(&node, 1, "x");
    wire_str(&node, 2, "y");
    wire_str(&node, 3, "call");
    wire_str(&node, 4, "f");
    wire_str(&node, 7, "own");
    wire_msg(&g, 1, &node);
    wire_value(&g, 11, "x", 1, "3");
    wire_value(&g, 12, "y", 1, "3");
    return g;
}

static void functions_are_inlined(void)
{
    struct wire graph = call_graph(), f = function_of("Neg", "");
    struct atm_graph *g;

    ATM_ASSERT_OK(import(&graph, &f, NULL, &g));
    ATM_ASSERT_OK(atm_graph_check(g));
    CU_ASSERT_EQUAL(g->n_nodes, 2);
    CU_ASSERT_STRING_EQUAL(g->value[g->node[0].out[0]].name, "call/b");
    atm_graph_delete(&g);
    f = function_of("Unheard", "");
    ATM_ASSERT_FAILS(import(&graph, &f, NULL, &g), ATM_UNSUPPORTED,
                     "operator Unheard");
}

static void endless_recursion_is_refused(void)
{
    struct wire graph = call_graph(), f = function_of("f", "own");
    struct atm_graph *g;

    ATM_ASSERT_FAILS(import(&graph, &f, NULL, &g), ATM_UNSUPPORTED,
                     "more than 32 deep");
}

/* Fields that are younger than the onnx.proto of the build. */
static void newer_meanings_are_refused(void)
{
    struct wire graph = call_graph(), f = function_of("Neg", ""), attr = {0};
    struct atm_graph *g;

    wire_str(&attr, 1, "alpha");
    wire_msg(&f, 11, &attr);
    ATM_ASSERT_FAILS(import(&graph, &f, NULL, &g), ATM_UNSUPPORTED,
                     "default values of attributes");
    f = function_of("Neg", "");
    wire_str(&f, 13, "other");
    ATM_ASSERT_FAILS(import(&graph, &f, NULL, &g), ATM_UNSUPPORTED,
                     "overloaded");
}

static void malformed_bodies_are_refused(void)
{
    struct wire g = {0}, body = {0};
    struct atm_graph *out;

    /* the body has too few inputs */
    wire_value(&body, 12, "m", 9, "");
    control_node(&g, "Loop", ",,x", "y", "body", &body, NULL, NULL);
    wire_value(&g, 11, "x", 1, "3");
    wire_value(&g, 12, "y", 1, "3");
    ATM_ASSERT_FAILS(import(&g, NULL, NULL, &out), ATM_FORMAT, "number of");
    /* no body at all */
    memset(&g, 0, sizeof(g));
    wire_node(&g, "scan", "Scan", "x", "y", NULL);
    wire_value(&g, 11, "x", 1, "3");
    wire_value(&g, 12, "y", 1, "3");
    ATM_ASSERT_FAILS(import(&g, NULL, NULL, &out), ATM_FORMAT,
                     "num_scan_inputs");
}

/* A Scan over x whose body names the Scan's second result and makes none. */
static void a_body_cannot_give_its_own_result(void)
{
    struct wire g = {0}, body = {0}, scans = {0}, untyped = {0};
    struct atm_graph *out;

    wire_node(&body, "", "Add", "next,sum_in", "sum", NULL);
    wire_value(&body, 11, "sum_in", 1, "2");
    wire_value(&body, 11, "next", 1, "2");
    wire_value(&body, 12, "sum", 1, "2");
    wire_value(&body, 12, "z", 1, "2");
    wire_str(&scans, 1, "num_scan_inputs");
    wire_int(&scans, 3, 1);
    wire_int(&scans, 20, 2);
    body = graph_attr("body", &body);
    node_of_two(&g, "Scan", "initial,x", "y,z", &body, &scans);
    wire_value(&g, 11, "initial", 1, "2");
    wire_value(&g, 11, "x", 1, "3,2");
    wire_value(&g, 12, "y", 1, "2");
    wire_str(&untyped, 1, "z");
    wire_str(&untyped, 2, "");
    wire_msg(&g, 12, &untyped);
    ATM_ASSERT_FAILS(import(&g, NULL, NULL, &out), ATM_FORMAT,
                     "nothing produces it");
}

static const struct atm_test tests[] = {
    {"takes the branch that a value decides",
     takes_the_branch_that_a_value_decides},
    {"an open condition is refused by name",
     an_open_condition_is_refused_by_name},
    {"loops are unrolled under a bound", loops_are_unrolled_under_a_bound},
    {"functions are inlined", functions_are_inlined},
    {"endless recursion is refused", endless_recursion_is_refused},
    {"newer meanings are refused", newer_meanings_are_refused},
    {"malformed bodies are refused", malformed_bodies_are_refused},
    {"a body cannot give its own result", a_body_cannot_give_its_own_result},
    {NULL, NULL}};

ATM_TEST_MAIN("expand", tests)
