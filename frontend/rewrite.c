/* rewrite.c - what every graph goes through after inference: Identity and
 * Dropout disappear, then whatever no output needs. */
#include "passes.h"

#include "arena.h"
#include "autotm/op.h"

#include <inttypes.h>
#include <string.h>

enum atm_status atm__value_names(const struct atm_graph *g,
                                 struct atm__names *names)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    for (i = 0; !st && i < g->n_values; i++)
        st = atm__names_add(names, g->value[i].name, i);
    return st;
}

enum atm_status atm__derived_value(struct atm_graph *g,
                                   struct atm__names *names, uint32_t base,
                                   const char *suffix, enum atm_dtype dtype,
                                   const struct atm_shape *shape, uint32_t *id)
{
    enum atm_status st;
    const char *name;
    uint32_t i = 1;

    name = atm_arena_printf(g->arena, "%s/%s", g->value[base].name, suffix);
    while (name && atm__names_find(names, name) != ATM_NONE)
        name = atm_arena_printf(g->arena, "%s/%s%" PRIu32, g->value[base].name,
                                suffix, ++i);
    if (!name)
        return ATM_NOMEM;
    st = atm_graph_add_value(g, name, dtype, shape, id);
    return st ? st : atm__names_add(names, g->value[*id].name, *id);
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

enum atm_status atm__compact(struct atm_graph *g, const bool *drop)
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

/* What a name means from now on, for readers and for producers apart. */
struct alias {
    struct atm_graph *g;
    uint32_t *in, *out; /* by value id */
    bool *output;       /* is a graph output */
    bool *drop;         /* by node */
    uint32_t cap;       /* values when the tables were made */
};

/* Copies whose result is no output vanish: readers read the original. */
static void skip_copies(struct alias *a)
{
    uint32_t i, k;

    for (i = 0; i < a->g->n_nodes; i++) {
        struct atm_node *n = &a->g->node[i];

        for (k = 0; k < n->n_in; k++)
            if (n->in[k] != ATM_NONE)
                n->in[k] = a->in[n->in[k]];
        a->drop[i] = is_copy(n) && !a->output[n->out[0]];
        if (a->drop[i])
            a->in[n->out[0]] = n->in[0];
    }
}

/* A copy into an output vanishes too where the original is some node's result:
 * that node makes the output itself, once. */
static void rename_results(struct alias *a, const bool *result)
{
    uint32_t i;

    for (i = 0; i < a->g->n_nodes; i++) {
        const struct atm_node *n = &a->g->node[i];
        uint32_t x;

        if (a->drop[i] || !is_copy(n))
            continue;
        x = n->in[0];
        if (!result[x] || a->output[x] || a->out[x] != x)
            continue;
        a->drop[i] = true;
        a->in[x] = a->out[x] = n->out[0];
    }
}

/* The name means a result now: what is fed under it would go unseen. */
static void not_overridable(struct atm_graph *g, uint32_t value)
{
    uint32_t i, n = 0;

    for (i = 0; i < g->n_overridable; i++)
        if (g->overridable[i] != value)
            g->overridable[n++] = g->overridable[i];
    g->n_overridable = n;
}

/* Outputs that are constants: Identity(constant) under the output's name. */
static enum atm_status keep_constants(struct alias *a)
{
    struct atm_graph *g = a->g;
    int opset = g->n_nodes ? g->node[0].opset : 13;
    struct atm__names names = {0};
    enum atm_status st = ATM_OK;
    uint32_t i, x, y;

    for (i = 0; !st && i < g->n_outputs; i++) {
        y = g->output[i];
        if (g->value[y].constant == ATM_NONE)
            continue;
        if (names.n == 0)
            st = atm__value_names(g, &names);
        if (!st)
            st = atm__derived_value(g, &names, y, "constant", g->value[y].dtype,
                                    &g->value[y].shape, &x);
        if (st)
            break;
        g->value[x].constant = g->value[y].constant;
        g->value[y].constant = ATM_NONE;
        not_overridable(g, y);
        a->in[y] = x;
        st = atm_graph_add_node(g, "", atm_op_find("", "Identity"), opset, 1,
                                &x, 1, &y, 0, NULL, NULL);
    }
    atm__names_clear(&names);
    return st;
}

static void apply(const struct alias *a)
{
    uint32_t i, k;

    for (i = 0; i < a->g->n_nodes; i++) {
        struct atm_node *n = &a->g->node[i];

        for (k = 0; k < n->n_in; k++)
            if (n->in[k] != ATM_NONE && n->in[k] < a->cap)
                n->in[k] = a->in[n->in[k]];
        for (k = 0; k < n->n_out; k++)
            if (n->out[k] != ATM_NONE)
                n->out[k] = a->out[n->out[k]];
    }
}

enum atm_status atm__rewrite(struct atm_graph *g)
{
    struct alias a = {.g = g, .cap = g->n_values};
    bool *result = atm_alloc_array(a.cap, sizeof(*result));
    enum atm_status st = ATM_NOMEM;
    uint32_t i, k;

    a.in = atm_alloc_array(a.cap, sizeof(*a.in));
    a.out = atm_alloc_array(a.cap, sizeof(*a.out));
    a.output = atm_alloc_array(a.cap, sizeof(*a.output));
    a.drop =
        atm_alloc_array((size_t)g->n_nodes + g->n_outputs, sizeof(*a.drop));
    if (result && a.in && a.out && a.output && a.drop) {
        for (i = 0; i < a.cap; i++)
            a.in[i] = a.out[i] = i;
        for (i = 0; i < g->n_outputs; i++)
            a.output[g->output[i]] = true;
        for (i = 0; i < g->n_nodes; i++)
            for (k = 0; k < g->node[i].n_out; k++)
                if (g->node[i].out[k] != ATM_NONE)
                    result[g->node[i].out[k]] = true;
        skip_copies(&a);
        rename_results(&a, result);
        st = keep_constants(&a);
    }
    if (!st) {
        apply(&a);
        st = atm__compact(g, a.drop);
    }
    atm_free(result);
    atm_free(a.in);
    atm_free(a.out);
    atm_free(a.output);
    atm_free(a.drop);
    return st;
}
