/* rewrite.c - what every graph goes through after inference: Identity and
 * Dropout disappear, then whatever no output needs. */
#include "passes.h"

#include "arena.h"
#include "autotm/op.h"

#include <inttypes.h>
#include <string.h>

enum atm_status atm__node_fail(const struct atm_graph *g, uint32_t node,
                               enum atm_status st)
{
    const struct atm_node *n = &g->node[node];

    return atm_fail_in(st, "node %" PRIu32 " \"%s\" (%s)", node, n->name,
                       n->op->name);
}

static bool is_output(const struct atm_graph *g, uint32_t value)
{
    uint32_t i;

    for (i = 0; i < g->n_outputs; i++)
        if (g->output[i] == value)
            return true;
    return false;
}

/* Nodes that something needs, and the values that they and the graph name. */
static void mark(const struct atm_graph *g, const bool *drop, bool *node,
                 bool *value)
{
    uint32_t i, k;

    for (i = 0; i < g->n_outputs; i++)
        value[g->output[i]] = true;
    for (i = g->n_nodes; i-- > 0;) {
        const struct atm_node *n = &g->node[i];

        for (k = 0; !drop[i] && k < n->n_out; k++)
            node[i] |= n->out[k] != ATM_NONE && value[n->out[k]];
        for (k = 0; node[i] && k < n->n_in; k++)
            if (n->in[k] != ATM_NONE)
                value[n->in[k]] = true;
        for (k = 0; node[i] && k < n->n_attr; k++)
            if (n->attr[k].kind == ATM_ATTR_TENSOR)
                value[n->attr[k].value] = true;
    }
    for (i = 0; i < g->n_inputs; i++)
        value[g->input[i]] = true;
    for (i = 0; i < g->n_overridable; i++)
        value[g->overridable[i]] = true;
}

/* Optional results that nobody reads become absent; required ones stay. */
static void mark_results(const struct atm_graph *g, const bool *node,
                         bool *value)
{
    uint32_t i, k;

    for (i = 0; i < g->n_nodes; i++)
        for (k = 0; node[i] && k < g->node[i].n_out; k++) {
            uint32_t *out = &g->node[i].out[k];

            if (*out == ATM_NONE || value[*out])
                continue;
            if (k < g->node[i].op->out_min)
                value[*out] = true;
            else
                *out = ATM_NONE;
        }
}

static void renumber(struct atm_graph *g, const bool *node, const bool *value,
                     uint32_t *to)
{
    uint32_t i, k, n = 0;

    for (i = 0; i < g->n_values; i++) {
        to[i] = value[i] ? n : ATM_NONE;
        if (value[i])
            g->value[n++] = g->value[i];
    }
    g->n_values = n;
    for (i = n = 0; i < g->n_nodes; i++)
        if (node[i])
            g->node[n++] = g->node[i];
    g->n_nodes = n;
    for (i = 0; i < n; i++) {
        struct atm_node *nd = &g->node[i];

        for (k = 0; k < nd->n_in; k++)
            nd->in[k] = nd->in[k] == ATM_NONE ? ATM_NONE : to[nd->in[k]];
        for (k = 0; k < nd->n_out; k++)
            nd->out[k] = nd->out[k] == ATM_NONE ? ATM_NONE : to[nd->out[k]];
        for (k = 0; k < nd->n_attr; k++)
            if (nd->attr[k].kind == ATM_ATTR_TENSOR)
                nd->attr[k].value = to[nd->attr[k].value];
    }
    for (i = 0; i < g->n_inputs; i++)
        g->input[i] = to[g->input[i]];
    for (i = 0; i < g->n_outputs; i++)
        g->output[i] = to[g->output[i]];
    for (i = 0; i < g->n_overridable; i++)
        g->overridable[i] = to[g->overridable[i]];
}

enum atm_status atm__compact(struct atm_graph *g, bool *drop)
{
    bool *node = atm_alloc_array(g->n_nodes, sizeof(*node));
    bool *value = atm_alloc_array(g->n_values, sizeof(*value));
    uint32_t *to = atm_alloc_array(g->n_values, sizeof(*to));
    enum atm_status st = node && value && to ? ATM_OK : ATM_NOMEM;

    if (!st) {
        mark(g, drop, node, value);
        mark_results(g, node, value);
        renumber(g, node, value, to);
    }
    atm_free(node);
    atm_free(value);
    atm_free(to);
    return st;
}

static bool is_copy(const struct atm_node *n)
{
    uint32_t k;

    if (n->n_post > 0 || (strcmp(n->op->name, "Identity") != 0 &&
                          strcmp(n->op->name, "Dropout") != 0))
        return false;
    for (k = 1; k < n->n_out; k++) /* a mask that is wanted */
        if (n->out[k] != ATM_NONE)
            return false;
    return true;
}

static void replace_uses(struct atm_graph *g, uint32_t from, uint32_t by)
{
    uint32_t i, k;

    for (i = 0; i < g->n_nodes; i++)
        for (k = 0; k < g->node[i].n_in; k++)
            if (g->node[i].in[k] == from)
                g->node[i].in[k] = by;
}

/* Gives the value `x` the name of the output `y`: its producer makes y. False
 * if x is an input, a constant or an output itself. */
static bool rename_result(struct atm_graph *g, uint32_t x, uint32_t y)
{
    uint32_t i, k;

    if (is_output(g, x))
        return false;
    for (i = 0; i < g->n_nodes; i++)
        for (k = 0; k < g->node[i].n_out; k++)
            if (g->node[i].out[k] == x) {
                g->node[i].out[k] = y;
                replace_uses(g, x, y);
                return true;
            }
    return false;
}

/* Outputs that are constants: Identity(constant) under the output's name. */
static enum atm_status keep_constant_outputs(struct atm_graph *g, int opset)
{
    uint32_t i, y, x;
    enum atm_status st;
    char *name;

    for (i = 0; i < g->n_outputs; i++) {
        y = g->output[i];
        if (g->value[y].constant == ATM_NONE)
            continue;
        name = atm_arena_printf(g->arena, "autotm/constant/%s",
                                g->value[y].name);
        if (!name)
            return ATM_NOMEM;
        st = atm_graph_add_value(g, name, g->value[y].dtype,
                                 &g->value[y].shape, &x);
        if (st)
            return st;
        g->value[x].constant = g->value[y].constant;
        g->value[y].constant = ATM_NONE;
        replace_uses(g, y, x);
        st = atm_graph_add_node(g, "", atm_op_find("", "Identity"), opset, 1,
                                &x, 1, &y, 0, NULL, NULL);
        if (st)
            return st;
    }
    return ATM_OK;
}

enum atm_status atm__rewrite(struct atm_graph *g)
{
    bool *drop = atm_alloc_array(g->n_nodes + g->n_outputs, sizeof(*drop));
    enum atm_status st = ATM_OK;
    uint32_t i;

    if (!drop)
        return ATM_NOMEM;
    for (i = 0; i < g->n_nodes; i++) {
        uint32_t x = g->node[i].in[0], y = g->node[i].out[0];

        if (!is_copy(&g->node[i]))
            continue;
        drop[i] = true;
        if (!is_output(g, y))
            replace_uses(g, y, x);
        else
            drop[i] = rename_result(g, x, y);
    }
    st = keep_constant_outputs(g, g->n_nodes ? g->node[0].opset : 17);
    if (!st)
        st = atm__compact(g, drop);
    atm_free(drop);
    return st;
}
