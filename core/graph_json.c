/* graph_json.c - a graph as one JSON document, for people and golden tests:
 * values by name, nodes in order, constants by where their bytes lie. */
#include "autotm/graph.h"
#include "autotm/op.h"
#include "json_text.h"

#include <math.h>

/* null stands for an omitted operand */
static json_t *value_name(const struct atm_graph *g, uint32_t value)
{
    return value < g->n_values ? atm_json_name(g->value[value].name)
                               : json_null();
}

static json_t *value_names(const struct atm_graph *g, const uint32_t *value,
                           uint32_t n)
{
    json_t *list = json_array();
    uint32_t i;

    for (i = 0; i < n; i++)
        (void)json_array_append_new(list, value_name(g, value[i]));
    return list;
}

/* JSON has no NaN and no infinity */
static json_t *real_or_text(double x)
{
    if (isnan(x))
        return json_string("nan");
    if (isinf(x))
        return json_string(x < 0 ? "-inf" : "inf");
    return json_real(x);
}

static json_t *attr_json(const struct atm_graph *g, const struct atm_attr *a)
{
    json_t *list;
    size_t i;

    switch (a->kind) {
    case ATM_ATTR_INT:
        return json_integer(a->i);
    case ATM_ATTR_FLOAT:
        return real_or_text((double)a->f);
    case ATM_ATTR_STRING:
        return atm_json_name(a->s);
    case ATM_ATTR_TENSOR:
        return value_name(g, a->value);
    default:
        break;
    }
    list = json_array();
    for (i = 0; i < a->n; i++)
        (void)json_array_append_new(
            list, a->kind == ATM_ATTR_INTS ? json_integer(a->ints[i])
                  : a->kind == ATM_ATTR_FLOATS
                      ? real_or_text((double)a->floats[i])
                      : atm_json_name(a->strings[i]));
    return list;
}

static json_t *posts_json(const struct atm_graph *g, const struct atm_node *n)
{
    json_t *list = json_array();
    uint32_t i;

    for (i = 0; i < n->n_post; i++) {
        const struct atm_post *p = &n->post[i];
        json_t *one = NULL;

        switch (p->kind) {
        case ATM_POST_ADD:
            one = json_pack("{s:o}", "add", value_name(g, n->in[p->input]));
            break;
        case ATM_POST_RELU:
            one = json_string("relu");
            break;
        case ATM_POST_CLIP:
            one = json_pack("{s:[o, o]}", "clip", real_or_text((double)p->lo),
                            real_or_text((double)p->hi));
            break;
        }
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *node_json(const struct atm_graph *g, const struct atm_node *n)
{
    json_t *attrs = json_object(), *node;
    uint32_t i;

    for (i = 0; i < n->n_attr; i++)
        (void)json_object_set_new(attrs, n->attr[i].name,
                                  attr_json(g, &n->attr[i]));
    node = json_pack("{s:o, s:s, s:i, s:o, s:o, s:o}", "name",
                     atm_json_name(n->name), "op", n->op->name, "opset",
                     n->opset, "in", value_names(g, n->in, n->n_in), "out",
                     value_names(g, n->out, n->n_out), "attributes", attrs);
    if (n->n_post)
        (void)json_object_set_new(node, "posts", posts_json(g, n));
    return node;
}

static json_t *constant_json(const struct atm_graph *g,
                             const struct atm_constant *c)
{
    json_int_t bytes = (json_int_t)c->bytes;

    switch (c->kind) {
    case ATM_CONST_FILE:
        return json_pack("{s:s, s:o, s:I, s:I}", "kind", "file", "file",
                         atm_json_name(g->file[c->file]), "offset",
                         (json_int_t)c->offset, "bytes", bytes);
    case ATM_CONST_INLINE:
        return json_pack("{s:s, s:I}", "kind", "inline", "bytes", bytes);
    case ATM_CONST_GENERATED:
        return json_pack("{s:s, s:I, s:I, s:o, s:o}", "kind", "generated",
                         "bytes", bytes, "seed", (json_int_t)c->seed, "mean",
                         real_or_text(c->mean), "stddev",
                         real_or_text(c->stddev));
    case ATM_CONST_ROW_SCALE:
        return json_pack("{s:s, s:I, s:o}", "kind", "row-scale", "bytes", bytes,
                         "source", constant_json(g, &g->constant[c->source]));
    }
    return NULL;
}

static json_t *value_json(const struct atm_graph *g, const struct atm_value *v)
{
    json_t *shape = v->shape_known ? json_array() : json_null(), *value;
    uint32_t i;

    for (i = 0; v->shape_known && i < v->shape.rank; i++)
        (void)json_array_append_new(shape, json_integer(v->shape.dim[i]));
    value = json_pack("{s:o, s:s, s:o}", "name", atm_json_name(v->name), "type",
                      atm_dtype_name(v->dtype), "shape", shape);
    if (v->constant != ATM_NONE)
        (void)json_object_set_new(value, "constant",
                                  constant_json(g, &g->constant[v->constant]));
    return value;
}

enum atm_status atm_graph_to_json(const struct atm_graph *g, char **json)
{
    json_t *values = json_array(), *nodes = json_array();
    char hash[ATM_HASH_STR];
    uint32_t i;

    for (i = 0; i < g->n_values; i++)
        (void)json_array_append_new(values, value_json(g, &g->value[i]));
    for (i = 0; i < g->n_nodes; i++)
        (void)json_array_append_new(nodes, node_json(g, &g->node[i]));
    return atm_json_text(
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name",
                  atm_json_name(g->name), "model_hash",
                  atm_hash_str(g->model_hash, hash), "inputs",
                  value_names(g, g->input, g->n_inputs), "outputs",
                  value_names(g, g->output, g->n_outputs), "overridable",
                  value_names(g, g->overridable, g->n_overridable), "values",
                  values, "nodes", nodes),
        json);
}
