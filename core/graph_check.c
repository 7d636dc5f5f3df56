/* graph_check.c - is a graph what it claims to be? Trusts nothing but the
 * lengths of its arrays, and infers every node afresh. */
#include "arena.h"
#include "autotm/graph.h"
#include "autotm/op.h"
#include "hash.h"
#include "node_call.h"

#include <inttypes.h>
#include <string.h>

struct check {
    const struct atm_graph *g;
    struct atm_arena *arena; /* of the check */
    bool *ready;             /* by value: input, constant, or produced */
};

static enum atm_status check_names(const struct check *c)
{
    const struct atm_graph *g = c->g;
    uint32_t *slot, mask = 16, i, at;

    while (mask <= g->n_values && mask < 1u << 30)
        mask *= 2;
    mask = mask * 2 - 1; /* at most half full */
    slot = atm_arena_array(c->arena, (size_t)mask + 1, sizeof(*slot));
    if (!slot)
        return ATM_NOMEM;
    for (i = 0; i < g->n_values; i++) {
        const char *name = g->value[i].name;

        if (!name)
            return atm_fail(ATM_FORMAT, "value %" PRIu32 " has no name", i);
        at = (uint32_t)atm_hash_bytes(name, strlen(name)).lo & mask;
        for (; slot[at]; at = (at + 1) & mask)
            if (strcmp(g->value[slot[at] - 1].name, name) == 0)
                return atm_fail(ATM_FORMAT,
                                "value %s: two values have this name", name);
        slot[at] = i + 1;
    }
    return ATM_OK;
}

static enum atm_status check_row_scale(const struct atm_graph *g,
                                       const struct atm_value *v,
                                       const struct atm_constant *k)
{
    const struct atm_constant *source;

    if (k->source >= g->n_constants || !k->scale)
        return atm_fail(ATM_FORMAT, "constant %s: its source is missing",
                        v->name);
    source = &g->constant[k->source];
    if (source->kind == ATM_CONST_ROW_SCALE || source->bytes != k->bytes)
        return atm_fail(ATM_FORMAT, "constant %s: its source does not fit",
                        v->name);
    if (v->dtype != ATM_F32 || v->shape.rank == 0)
        return atm_fail(ATM_FORMAT,
                        "constant %s: a scaled constant is a "
                        "float tensor with rows",
                        v->name);
    return ATM_OK;
}

static enum atm_status check_constant(const struct check *c, uint32_t value)
{
    const struct atm_graph *g = c->g;
    const struct atm_value *v = &g->value[value];
    const struct atm_constant *k;
    enum atm_status st;
    uint64_t bytes;

    if (v->constant >= g->n_constants)
        return atm_fail(ATM_FORMAT,
                        "value %s: constant %" PRIu32 " does not exist",
                        v->name, v->constant);
    if (v->dtype == ATM_DTYPE_NONE || !v->shape_known)
        return atm_fail(ATM_FORMAT, "constant %s has no type or shape",
                        v->name);
    st = atm_shape_bytes(&v->shape, v->dtype, &bytes);
    if (st)
        return atm_fail_in(st, "constant %s", v->name);
    k = &g->constant[v->constant];
    if (k->bytes != bytes)
        return atm_fail(ATM_FORMAT,
                        "constant %s has %" PRIu64
                        " bytes, its shape needs %" PRIu64,
                        v->name, k->bytes, bytes);
    switch (k->kind) {
    case ATM_CONST_FILE:
        if (k->file >= g->n_files || k->offset > UINT64_MAX - k->bytes)
            return atm_fail(ATM_FORMAT, "constant %s lies in no file", v->name);
        return ATM_OK;
    case ATM_CONST_INLINE:
        if ((!k->data && k->bytes) || k->bytes > ATM_INLINE_MAX)
            return atm_fail(ATM_FORMAT,
                            "constant %s: no inline data, or more "
                            "than %u bytes",
                            v->name, ATM_INLINE_MAX);
        return ATM_OK;
    case ATM_CONST_GENERATED:
        if (v->dtype != ATM_F32)
            return atm_fail(ATM_FORMAT,
                            "constant %s: only float can be "
                            "generated",
                            v->name);
        return ATM_OK;
    case ATM_CONST_ROW_SCALE:
        return check_row_scale(g, v, k);
    }
    return atm_fail(ATM_FORMAT, "constant %s is of an unknown kind", v->name);
}

static enum atm_status check_constants(const struct check *c)
{
    enum atm_status st;
    uint32_t i;

    for (i = 0; i < c->g->n_values; i++) {
        if (c->g->value[i].constant == ATM_NONE)
            continue;
        st = check_constant(c, i);
        if (st)
            return st;
        c->ready[i] = true;
    }
    for (i = 0; i < c->g->n_overridable; i++) {
        uint32_t v = c->g->overridable[i];

        if (v >= c->g->n_values || c->g->value[v].constant == ATM_NONE)
            return atm_fail(ATM_FORMAT,
                            "overridable value %" PRIu32 " is no constant", v);
    }
    return ATM_OK;
}

static enum atm_status check_inputs(const struct check *c)
{
    const struct atm_graph *g = c->g;
    enum atm_status st;
    uint64_t bytes;
    uint32_t i;

    for (i = 0; i < g->n_inputs; i++) {
        const struct atm_value *v;

        if (g->input[i] >= g->n_values)
            return atm_fail(ATM_FORMAT,
                            "graph input %" PRIu32 ": value %" PRIu32
                            " does not exist",
                            i, g->input[i]);
        v = &g->value[g->input[i]];
        if (c->ready[g->input[i]])
            return atm_fail(ATM_FORMAT,
                            "graph input %s is listed twice or is "
                            "a constant",
                            v->name);
        if (v->dtype == ATM_DTYPE_NONE || !v->shape_known)
            return atm_fail(ATM_FORMAT, "graph input %s has no type or shape",
                            v->name);
        st = atm_shape_bytes(&v->shape, v->dtype, &bytes);
        if (st)
            return atm_fail_in(st, "graph input %s", v->name);
        c->ready[g->input[i]] = true;
    }
    return ATM_OK;
}

static enum atm_status check_operands(const struct check *c,
                                      const struct atm_node *n)
{
    const struct atm_graph *g = c->g;
    uint32_t i;

    if (!n->op || !n->name)
        return atm_fail(ATM_FORMAT, "it has no operator or no name");
    for (i = 0; i < n->n_in; i++) {
        if (n->in[i] == ATM_NONE)
            continue;
        if (n->in[i] >= g->n_values)
            return atm_fail(ATM_FORMAT,
                            "input %" PRIu32 ": value %" PRIu32
                            " does not exist",
                            i, n->in[i]);
        if (!c->ready[n->in[i]])
            return atm_fail(ATM_FORMAT,
                            "input %s is not there yet: nothing "
                            "before this node produces it",
                            g->value[n->in[i]].name);
    }
    for (i = 0; i < n->n_out; i++) {
        if (n->out[i] == ATM_NONE)
            continue;
        if (n->out[i] >= g->n_values)
            return atm_fail(ATM_FORMAT,
                            "output %" PRIu32 ": value %" PRIu32
                            " does not exist",
                            i, n->out[i]);
        if (c->ready[n->out[i]])
            return atm_fail(ATM_FORMAT, "output %s is produced twice",
                            g->value[n->out[i]].name);
        c->ready[n->out[i]] = true;
    }
    for (i = 0; i < n->n_attr; i++)
        if (n->attr[i].kind == ATM_ATTR_TENSOR &&
            (n->attr[i].value >= g->n_values ||
             g->value[n->attr[i].value].constant == ATM_NONE))
            return atm_fail(ATM_FORMAT, "attribute %s is no constant",
                            n->attr[i].name);
    return ATM_OK;
}

/* What the operator's rule infers must be what the graph says. */
static enum atm_status check_inferred(const struct check *c,
                                      const struct atm_node *n)
{
    char has[128], want[128];
    struct atm_call call;
    enum atm_status st;
    uint32_t i;

    st = atm_node_call(c->g, n, c->arena, &call);
    if (!st)
        st = atm_op_infer(&call);
    if (st)
        return st;
    for (i = 0; i < n->n_out; i++) {
        const struct atm_value *v;

        if (n->out[i] == ATM_NONE)
            continue;
        v = &c->g->value[n->out[i]];
        if (!v->shape_known || v->dtype != call.out[i].dtype ||
            !atm_shape_equal(&v->shape, &call.out[i].shape))
            return atm_fail(
                ATM_FORMAT,
                "output %s is %s of %s in the graph, %s of %s by "
                "the operator's rule",
                v->name,
                v->shape_known ? atm_shape_str(&v->shape, has, sizeof(has))
                               : "unknown",
                atm_dtype_name(v->dtype),
                atm_shape_str(&call.out[i].shape, want, sizeof(want)),
                atm_dtype_name(call.out[i].dtype));
    }
    return ATM_OK;
}

static enum atm_status check_nodes(const struct check *c)
{
    enum atm_status st;
    uint32_t i;

    for (i = 0; i < c->g->n_nodes; i++) {
        const struct atm_node *n = &c->g->node[i];

        st = check_operands(c, n);
        if (!st)
            st = check_inferred(c, n);
        if (st)
            return atm_fail_in(st, "node %s (#%" PRIu32 ")",
                               n->name && n->name[0] ? n->name : "without name",
                               i);
    }
    return ATM_OK;
}

static enum atm_status check_outputs(const struct check *c)
{
    const struct atm_graph *g = c->g;
    uint32_t i;

    for (i = 0; i < g->n_outputs; i++) {
        if (g->output[i] >= g->n_values)
            return atm_fail(ATM_FORMAT,
                            "graph output %" PRIu32 ": value %" PRIu32
                            " does not exist",
                            i, g->output[i]);
        if (!c->ready[g->output[i]])
            return atm_fail(ATM_FORMAT, "graph output %s: nothing produces it",
                            g->value[g->output[i]].name);
    }
    return ATM_OK;
}

enum atm_status atm_graph_check(const struct atm_graph *g)
{
    struct check c = {.g = g, .arena = atm_arena_new()};
    enum atm_status st = ATM_NOMEM;

    if (!c.arena)
        return ATM_NOMEM;
    c.ready = atm_arena_array(c.arena, g->n_values, sizeof(*c.ready));
    if (!c.ready)
        goto out;
    st = check_names(&c);
    if (!st)
        st = check_constants(&c);
    if (!st)
        st = check_inputs(&c);
    if (!st)
        st = check_nodes(&c);
    if (!st)
        st = check_outputs(&c);
out:
    atm_arena_delete(c.arena);
    return st;
}
