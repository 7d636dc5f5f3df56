/* import_nodes.c - nodes and their attributes, read generically: the registry
 * knows which attributes an operator has. Constant nodes become constants. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"

#include <inttypes.h>
#include <string.h>

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool is_onnx_domain(const char *domain)
{
    return strcmp(domain, "") == 0 || strcmp(domain, "ai.onnx") == 0;
}

/* A bytes field as a C string in the arena. */
static enum atm_status read_string(struct atm__importer *im,
                                   const ProtobufCBinaryData *b, const char **s)
{
    if (b->len && memchr(b->data, 0, b->len))
        return atm_fail(ATM_FORMAT, "a string holds a NUL");
    *s = b->len ? atm_arena_strndup(im->g->arena, (const char *)b->data, b->len)
                : "";
    return *s ? ATM_OK : ATM_NOMEM;
}

enum atm_status atm__tensor_value(struct atm__importer *im,
                                  const Onnx__TensorProto *t, uint32_t id)
{
    struct atm_value *v = &im->g->value[id];
    enum atm_status st;
    uint64_t bytes;

    st = atm__tensor_type(t, &v->dtype, &v->shape, &bytes);
    if (!st)
        st = atm__tensor_constant(im, t, bytes, &v->constant);
    if (st)
        return st;
    v->shape_known = true;
    return ATM_OK;
}

/* IR 1 wrote no type: then the only field given tells it. */
static int kind_of(const Onnx__AttributeProto *a)
{
    if (a->has_type && a->type)
        return a->type;
    return a->has_f       ? 1
           : a->has_i     ? 2
           : a->has_s     ? 3
           : a->t         ? 4
           : a->g         ? 5
           : a->n_floats  ? 6
           : a->n_ints    ? 7
           : a->n_strings ? 8
                          : 0;
}

/* Fields filled besides that of `kind` mean that the type lies. */
static bool only_field(const Onnx__AttributeProto *a, int kind)
{
    const bool given[] = {false,
                          a->has_f,
                          a->has_i,
                          a->has_s,
                          a->t != NULL,
                          a->g != NULL,
                          a->n_floats > 0,
                          a->n_ints > 0,
                          a->n_strings > 0,
                          a->n_tensors > 0,
                          a->n_graphs > 0,
                          a->sparse_tensor != NULL,
                          a->n_sparse_tensors > 0,
                          a->tp != NULL,
                          a->n_type_protos > 0};
    int i;

    for (i = 1; i < 15; i++)
        if (given[i] && i != kind)
            return false;
    return true;
}

static enum atm_status read_attr(struct atm__importer *im,
                                 const Onnx__AttributeProto *a,
                                 struct atm_attr *to)
{
    int kind = kind_of(a);
    enum atm_status st;
    const char **strings;
    size_t i;

    if (!only_field(a, kind))
        return atm_fail(ATM_FORMAT, "has a value of another type than it says");
    switch (kind) {
    case 1:
        to->kind = ATM_ATTR_FLOAT;
        to->f = a->f;
        return ATM_OK;
    case 2:
        to->kind = ATM_ATTR_INT;
        to->i = a->i;
        return ATM_OK;
    case 3:
        to->kind = ATM_ATTR_STRING;
        return read_string(im, &a->s, &to->s);
    case 4:
        to->kind = ATM_ATTR_TENSOR;
        if (!a->t)
            return atm_fail(ATM_FORMAT, "has no value");
        st = atm__value_new(im, NULL, &to->value);
        return st ? st : atm__tensor_value(im, a->t, to->value);
    case 6:
        to->kind = ATM_ATTR_FLOATS;
        to->n = a->n_floats;
        to->floats = a->floats;
        return ATM_OK;
    case 7:
        to->kind = ATM_ATTR_INTS;
        to->n = a->n_ints;
        to->ints = a->ints;
        return ATM_OK;
    case 8:
        strings = atm_arena_array(im->g->arena, a->n_strings, sizeof(*strings));
        if (!strings)
            return ATM_NOMEM;
        to->kind = ATM_ATTR_STRINGS;
        to->n = a->n_strings;
        to->strings = strings;
        for (i = 0, st = ATM_OK; !st && i < a->n_strings; i++)
            st = read_string(im, &a->strings[i], &strings[i]);
        return st;
    case 0:
        return atm_fail(ATM_FORMAT, "has no value");
    default:
        return atm_fail(ATM_UNSUPPORTED, "%s attributes are not supported",
                        kind == 5 || kind == 10 ? "subgraph" : "such");
    }
}

/* value_int and its kin: a scalar or a list as an inline constant. */
static enum atm_status literal(struct atm__importer *im,
                               const Onnx__AttributeProto *a, const char *name,
                               uint32_t id)
{
    struct atm_value *v = &im->g->value[id];
    struct atm_constant c = {.kind = ATM_CONST_INLINE};
    bool list = true;
    size_t n = 1;

    if (strcmp(name, "value_float") == 0) {
        c.data = &a->f;
        v->dtype = ATM_F32;
        list = false;
    } else if (strcmp(name, "value_int") == 0) {
        c.data = &a->i;
        v->dtype = ATM_I64;
        list = false;
    } else if (strcmp(name, "value_floats") == 0) {
        c.data = a->floats;
        v->dtype = ATM_F32;
        n = a->n_floats;
    } else if (strcmp(name, "value_ints") == 0) {
        c.data = a->ints;
        v->dtype = ATM_I64;
        n = a->n_ints;
    } else {
        return atm_fail(ATM_UNSUPPORTED, "Constant with %s is not supported",
                        name);
    }
    v->shape = (struct atm_shape){list ? 1 : 0, {(int64_t)n}};
    v->shape_known = true;
    c.bytes = n * atm_dtype_bytes(v->dtype);
    if (c.bytes > ATM_INLINE_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "a list of %zu numbers; write it as "
                        "a tensor",
                        n);
    return atm_graph_add_constant(im->g, &c, &v->constant);
}

static enum atm_status read_constant_node(struct atm__importer *im,
                                          const struct atm__scope *scope,
                                          const Onnx__NodeProto *n)
{
    const char *name;
    const Onnx__AttributeProto *a;
    uint32_t id;

    if (n->n_input != 0 || n->n_output != 1 || n->n_attribute != 1)
        return atm_fail(ATM_FORMAT, "a Constant has no inputs, one output and "
                                    "one attribute");
    name = text(n->attribute[0]->name);
    a = atm__scope_attr(scope, n->attribute[0]);
    if (!a)
        return atm_fail(ATM_FORMAT, "its attribute is left out by the call");
    id = atm__scope_find(scope, n->output[0]);
    if (id == ATM_NONE)
        return atm_fail(ATM_FORMAT, "its output has no name");
    if (strcmp(name, "value") != 0)
        return literal(im, a, name, id);
    if (!a->t)
        return atm_fail(ATM_FORMAT, "its value is no tensor");
    return atm__tensor_value(im, a->t, id);
}

/* Ids of the inputs; each must come from before node `index`. */
static enum atm_status read_inputs(const struct atm__importer *im,
                                   const struct atm__scope *scope,
                                   const Onnx__NodeProto *n, uint32_t index,
                                   const uint32_t *producer, uint32_t *in)
{
    size_t i;

    for (i = 0; i < n->n_input; i++) {
        in[i] =
            *n->input[i] ? atm__scope_find(scope, n->input[i]) : ATM__OMITTED;
        if (in[i] == ATM_NONE)
            return atm_fail(ATM_FORMAT, "input \"%s\" is produced by no node",
                            n->input[i]);
        if (in[i] == ATM__OMITTED) {
            in[i] = ATM_NONE;
            continue;
        }
        if (producer && producer[in[i]] != ATM_NONE && producer[in[i]] >= index)
            return atm_fail(ATM_FORMAT,
                            "input \"%s\" is produced by node %" PRIu32
                            ", not before it: the nodes are unsorted "
                            "or form a cycle",
                            n->input[i], producer[in[i]]);
        if (!producer && !im->g->value[in[i]].shape_known && !*im->unsupported)
            return atm_fail(ATM_FORMAT,
                            "input \"%s\" is not produced before it",
                            n->input[i]);
    }
    return ATM_OK;
}

/* The attributes that are given; a function's may be left out by its call. */
static enum atm_status read_attrs(struct atm__importer *im,
                                  const struct atm__scope *scope,
                                  const Onnx__NodeProto *n,
                                  struct atm_attr *attr, uint32_t *n_attr)
{
    enum atm_status st;
    size_t i;

    *n_attr = 0;
    for (i = 0; i < n->n_attribute; i++) {
        const Onnx__AttributeProto *a = atm__scope_attr(scope, n->attribute[i]);

        if (!a && scope->call)
            continue;
        attr[*n_attr].name = text(n->attribute[i]->name);
        st = a ? read_attr(im, a, &attr[*n_attr])
               : atm_fail(ATM_FORMAT, "refers to an attribute of a function");
        if (st)
            return atm_fail_in(st, "attribute \"%s\"", attr[*n_attr].name);
        ++*n_attr;
    }
    return ATM_OK;
}

enum atm_status atm__set_origin(struct atm__importer *im, uint32_t node,
                                uint32_t index)
{
    uint32_t *grown = atm_arena_grow(im->g->arena, im->origin, &im->cap_origin,
                                     node + 1, sizeof(*grown));

    if (!grown)
        return ATM_NOMEM;
    im->origin = grown;
    grown[node] = index;
    return ATM_OK;
}

enum atm_status atm__add_node(struct atm__importer *im,
                              const struct atm__scope *scope,
                              const Onnx__NodeProto *n, uint32_t index,
                              const uint32_t *producer)
{
    const struct atm_op *op = atm_op_find(text(n->domain), text(n->op_type));
    struct atm_arena *arena = im->g->arena;
    uint32_t *in = atm_arena_array(arena, n->n_input, sizeof(*in));
    uint32_t *out = atm_arena_array(arena, n->n_output, sizeof(*out));
    struct atm_attr *attr =
        atm_arena_array(arena, n->n_attribute, sizeof(*attr));
    uint32_t id, n_attr;
    enum atm_status st;
    size_t i;

    if (!in || !out || !attr)
        return ATM_NOMEM;
    st = read_inputs(im, scope, n, index, producer, in);
    if (st)
        return st;
    if (is_onnx_domain(text(n->domain)) &&
        strcmp(text(n->op_type), "Constant") == 0)
        return read_constant_node(im, scope, n);
    if (!op)
        return ATM_OK; /* listed by list_unsupported */
    st = read_attrs(im, scope, n, attr, &n_attr);
    if (st)
        return st;
    for (i = 0; i < n->n_output; i++)
        out[i] =
            *n->output[i] ? atm__scope_find(scope, n->output[i]) : ATM_NONE;
    st = atm_graph_add_node(im->g, text(n->name), op, scope->opset,
                            (uint32_t)n->n_input, in, (uint32_t)n->n_output,
                            out, n_attr, attr, &id);
    return st ? st : atm__set_origin(im, id, index);
}

/* A node that is expanded when it is inferred; only its inputs are checked
 * now. */
static enum atm_status add_hole(struct atm__importer *im,
                                const struct atm__scope *scope,
                                const Onnx__NodeProto *n, uint32_t index,
                                const uint32_t *producer)
{
    uint32_t *in = atm_arena_array(im->g->arena, n->n_input, sizeof(*in));
    struct atm__hole *grown =
        atm_arena_grow(im->g->arena, im->hole, &im->cap_holes, im->n_holes + 1,
                       sizeof(*grown));

    if (!in || !grown)
        return ATM_NOMEM;
    im->hole = grown;
    grown[im->n_holes++] = (struct atm__hole){n, im->g->n_nodes, index};
    return read_inputs(im, scope, n, index, producer, in);
}

struct atm__scope atm__model_scope(struct atm__importer *im)
{
    return (struct atm__scope){
        .names = &im->values, .opset = im->opset, .prefix = ""};
}

static void list_unsupported(struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    size_t i;

    for (i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *n = graph->node[i];
        const char *domain = text(n->domain), *type = text(n->op_type);
        const struct atm_op *op = atm_op_find(domain, type);

        if ((is_onnx_domain(domain) && strcmp(type, "Constant") == 0) ||
            atm__is_expanded(&im->functions, n))
            continue;
        if (!op)
            atm__unsupported(
                im, "operator %s%s%s", is_onnx_domain(domain) ? "" : domain,
                is_onnx_domain(domain) ? "" : ".", *type ? type : "(none)");
        else if (im->opset < op->since)
            atm__unsupported(im, "operator %s of opset %d (from %d on)", type,
                             im->opset, op->since);
    }
}

/* Every output gets its id before any node is read, so that an input that
 * nobody produces differs from one that is produced too late. */
static enum atm_status add_outputs(struct atm__importer *im,
                                   uint32_t **producer)
{
    const Onnx__GraphProto *graph = im->model->graph;
    uint32_t cap = 0, was, id;
    enum atm_status st;
    size_t i, k;

    *producer = NULL;
    for (i = 0; i < graph->n_node; i++)
        for (k = 0; k < graph->node[i]->n_output; k++) {
            const char *name = graph->node[i]->output[k];

            if (!*name)
                continue;
            if (atm__names_find(&im->values, name) != ATM_NONE)
                return atm_fail(ATM_FORMAT,
                                "node %zu \"%s\" (%s): its output "
                                "\"%s\" exists already",
                                i, text(graph->node[i]->name),
                                text(graph->node[i]->op_type), name);
            st = atm__value_new(im, name, &id);
            if (st)
                return st;
        }
    was = im->g->n_values; /* attributes and constants come behind */
    *producer =
        atm_arena_grow(im->g->arena, NULL, &cap, was, sizeof(**producer));
    if (!*producer)
        return ATM_NOMEM;
    memset(*producer, 0xff, cap * sizeof(**producer));
    for (i = 0; i < graph->n_node; i++)
        for (k = 0; k < graph->node[i]->n_output; k++)
            if (*graph->node[i]->output[k])
                (*producer)[atm__names_find(
                    &im->values, graph->node[i]->output[k])] = (uint32_t)i;
    return ATM_OK;
}

enum atm_status atm__import_nodes(struct atm__importer *im)
{
    const struct atm__scope scope = atm__model_scope(im);
    const Onnx__GraphProto *graph = im->model->graph;
    uint32_t *producer, i;
    enum atm_status st;

    list_unsupported(im);
    st = add_outputs(im, &producer);
    for (i = 0; !st && i < graph->n_node; i++) {
        const Onnx__NodeProto *n = graph->node[i];

        st = (atm__is_expanded(&im->functions, n) ? add_hole : atm__add_node)(
            im, &scope, n, i, producer);
        if (st == ATM_UNSUPPORTED && *im->unsupported) {
            atm__unsupported(im, "%s", atm_errmsg());
            st = ATM_OK;
        }
        if (st)
            return atm_fail_in(st, "node %" PRIu32 " \"%s\" (%s)", i,
                               text(n->name), text(n->op_type));
    }
    return st;
}
