/* graph_build.h - small float graphs for tests, by hand. */
#ifndef ATM_TEST_GRAPH_BUILD_H
#define ATM_TEST_GRAPH_BUILD_H

#include "atm_test.h"
#include "autotm/op.h"

/* A generated constant of floats, normal(mean, stddev). */
static inline uint32_t graph_constant(struct atm_graph *g,
                                      const struct atm_shape *shape,
                                      double mean, double stddev)
{
    struct atm_constant c = {.kind = ATM_CONST_GENERATED, .mean = mean,
                             .stddev = stddev, .seed = g->n_values};
    uint32_t v;

    ATM_ASSERT_OK(atm_shape_bytes(shape, ATM_F32, &c.bytes));
    ATM_ASSERT_OK(atm_graph_add_value(g, NULL, ATM_F32, shape, &v));
    ATM_ASSERT_OK(atm_graph_add_constant(g, &c, &g->value[v].constant));
    return v;
}

/* Appends a node with one output, whose shape the operator's rule gives. */
static inline uint32_t graph_node(struct atm_graph *g, const char *name,
                                  int opset, uint32_t n_in, const uint32_t *in,
                                  uint32_t n_attr, const struct atm_attr *attr,
                                  uint32_t n_post, const struct atm_post *post)
{
    const struct atm_op *op = atm_op_find("", name);
    struct atm_view in_view[8] = {{0}}, out_view = {.present = true};
    struct atm_call call = {.graph = g, .n_in = n_in, .n_out = 1,
                            .in = in_view, .out = &out_view};
    uint32_t y, node, i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(op);
    ATM_ASSERT_OK(atm_graph_add_value(g, NULL, ATM_F32, NULL, &y));
    ATM_ASSERT_OK(atm_graph_add_node(g, name, op, opset, n_in, in, 1, &y,
                                     n_attr, attr, &node));
    g->node[node].n_post = n_post;
    for (i = 0; i < n_post; i++)
        g->node[node].post[i] = post[i];
    for (i = 0; i < n_in; i++)
        in_view[i] = (struct atm_view){.present = true, .dtype = ATM_F32,
                                       .shape = g->value[in[i]].shape};
    call.node = &g->node[node];
    ATM_ASSERT_OK(atm_op_infer(&call));
    g->value[y].shape = out_view.shape;
    g->value[y].shape_known = true;
    return y;
}

#endif
