/* expand.c - control flow and model-local functions: what the model's values
 * decide is decided here, once. The taken branch of an If, each iteration of a
 * Loop or a Scan and the body of a called function become ordinary nodes, while
 * inference goes on: a condition is known when the nodes before it are. */
#include "expand.h"

#include "arena.h"
#include "autotm/op.h"

#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 32
#define NODES_MAX (1u << 17)
#define BODIES_MAX (1u << 17) /* branches, iterations, calls */
#define NAME_MAX_BYTES 256    /* longer ones are numbered instead */

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool is_onnx(const char *domain)
{
    return !*text(domain) || strcmp(domain, "ai.onnx") == 0;
}

typedef enum atm_status expander(const struct atm__site *at);
static expander expand_if;

#define TRAINING "ai.onnx.preview.training"

/* How an operator is expanded that has subgraphs or is a formula of others;
 * null: it is none. */
static expander *expander_of(const Onnx__NodeProto *n)
{
    static const struct {
        const char *domain, *op;
        expander *expand;
    } row[] = {{"", "If", expand_if},
               {"", "Loop", atm__expand_loop},
               {"", "Scan", atm__expand_scan},
               {"ai.onnx.preview", "FlexAttention", atm__expand_flex},
               {TRAINING, "Adagrad", atm__expand_adagrad},
               {TRAINING, "Adam", atm__expand_adam},
               {TRAINING, "Momentum", atm__expand_momentum}};
    const char *domain = is_onnx(n->domain) ? "" : n->domain;
    size_t i;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (strcmp(text(n->op_type), row[i].op) == 0 &&
            strcmp(domain, row[i].domain) == 0)
            return row[i].expand;
    return NULL;
}

/* ---- the model's functions ---------------------------------------------- */

static char *function_key(struct atm_arena *arena, const char *domain,
                          const char *name)
{
    return atm_arena_printf(arena, "%s:%s", is_onnx(domain) ? "" : domain,
                            text(name));
}

enum atm_status atm__functions_read(const Onnx__ModelProto *m,
                                    struct atm_arena *arena,
                                    struct atm__functions *f)
{
    enum atm_status st = ATM_OK;
    uint32_t i;

    f->model = m;
    f->arena = arena;
    for (i = 0; !st && i < m->n_functions; i++) {
        const Onnx__FunctionProto *p = m->functions[i];
        const char *key = function_key(arena, p->domain, p->name);

        if (!key)
            st = ATM_NOMEM;
        else if (atm__names_find(&f->index, key) != ATM_NONE)
            st = atm_fail(ATM_UNSUPPORTED, "function %s is overloaded", key);
        else
            st = atm__names_add(&f->index, key, i);
    }
    return st;
}

static const Onnx__FunctionProto *function_of(const struct atm__functions *f,
                                              const Onnx__NodeProto *n)
{
    const char *key;
    uint32_t i;

    if (f->index.n == 0)
        return NULL;
    key = function_key(f->arena, n->domain, n->op_type);
    i = key ? atm__names_find(&f->index, key) : ATM_NONE;
    return i == ATM_NONE ? NULL : f->model->functions[i];
}

bool atm__is_expanded(const struct atm__functions *f, const Onnx__NodeProto *n)
{
    return expander_of(n) || function_of(f, n);
}

/* ---- scopes ------------------------------------------------------------ */

uint32_t atm__scope_find(const struct atm__scope *s, const char *name)
{
    uint32_t id = ATM_NONE;

    for (; s && id == ATM_NONE; s = s->outer)
        id = atm__names_find(s->names, name);
    return id;
}

const Onnx__AttributeProto *atm__scope_attr(const struct atm__scope *s,
                                            const Onnx__AttributeProto *a)
{
    size_t i;

    while (a && *text(a->ref_attr_name)) {
        const Onnx__AttributeProto *given = NULL;

        for (i = 0; s && s->call && i < s->call->n_attribute; i++)
            if (strcmp(text(s->call->attribute[i]->name), a->ref_attr_name) ==
                0)
                given = s->call->attribute[i];
        a = given;
        s = s ? s->caller : NULL;
    }
    return a;
}

/* Small files can ask for endless work: then nothing is listed any more. */
static bool too_much(const struct atm__importer *im)
{
    return im->g->n_nodes > NODES_MAX || im->n_bodies > BODIES_MAX;
}

/* A scope below that of the node, for a subgraph of it. */
static enum atm_status open_scope(const struct atm__site *at, const char *what,
                                  struct atm__names *names,
                                  struct atm__scope *s)
{
    *s = *at->scope;
    s->outer = at->scope;
    s->names = names;
    s->depth++;
    s->prefix = atm_arena_printf(
        at->im->g->arena, "%s%s%s%s%s", at->scope->prefix,
        *at->scope->prefix ? "/" : "",
        *text(at->node->name) ? at->node->name : text(at->node->op_type),
        *what ? "." : "", what);
    if (!s->prefix)
        return ATM_NOMEM;
    at->im->n_bodies++;
    if (too_much(at->im))
        return atm_fail(ATM_UNSUPPORTED,
                        "more than %u nodes or bodies after expansion",
                        NODES_MAX);
    return s->depth <= DEPTH_MAX
               ? ATM_OK
               : atm_fail(ATM_UNSUPPORTED,
                          "subgraphs and functions more than %d deep",
                          DEPTH_MAX);
}

static enum atm_status new_value(struct atm__importer *im,
                                 const struct atm__scope *s, const char *name,
                                 uint32_t *id)
{
    char *full = atm_arena_printf(im->g->arena, "%s/%s", s->prefix, name);

    if (!full)
        return ATM_NOMEM;
    if (strlen(full) > NAME_MAX_BYTES ||
        atm__names_find(&im->values, full) != ATM_NONE)
        full = NULL;
    return atm__value_new(im, full, id);
}

static enum atm_status define(const struct atm__scope *s, const char *name,
                              uint32_t id)
{
    if (!*text(name))
        return atm_fail(ATM_FORMAT, "a value of its body has no name");
    if (atm__names_find(s->names, name) != ATM_NONE)
        return atm_fail(ATM_FORMAT, "its body defines \"%s\" twice", name);
    return atm__names_add(s->names, name, id);
}

/* ---- nodes that expansion adds ------------------------------------------ */

enum atm_status atm__site_add(const struct atm__site *at, const char *op,
                              uint32_t n_in, const uint32_t *in, uint32_t out,
                              const struct atm_attr *attr)
{
    struct atm__importer *im = at->im;
    int opset = at->scope->opset > 13 ? at->scope->opset : 13;
    enum atm_status st;
    uint32_t id;

    st = atm_graph_add_node(im->g, text(at->node->name), atm_op_find("", op),
                            opset, n_in, in, 1, &out, attr ? 1 : 0, attr, &id);
    if (!st)
        st = atm__set_origin(im, id, at->index);
    return st ? st : atm__infer_node(im, id);
}

enum atm_status atm__site_new(const struct atm__site *at, const char *op,
                              uint32_t n_in, const uint32_t *in,
                              const struct atm_attr *attr, uint32_t *out)
{
    enum atm_status st = atm__value_new(at->im, NULL, out);

    return st ? st : atm__site_add(at, op, n_in, in, *out, attr);
}

enum atm_status atm__site_constant(const struct atm__site *at,
                                   enum atm_dtype dtype, uint32_t rank,
                                   uint32_t n, const void *data, uint32_t *id)
{
    struct atm_constant c = {.kind = ATM_CONST_INLINE,
                             .bytes = n * atm_dtype_bytes(dtype),
                             .data = data};
    struct atm_graph *g = at->im->g;
    enum atm_status st = atm__value_new(at->im, NULL, id);
    struct atm_value *v;

    if (st)
        return st;
    v = &g->value[*id];
    v->dtype = dtype;
    v->shape = (struct atm_shape){rank, {n}};
    v->shape_known = true;
    return atm_graph_add_constant(g, &c, &v->constant);
}

bool atm__site_known(const struct atm__site *at, uint32_t id, int64_t *x)
{
    const struct atm_graph *g = at->im->g;
    const struct atm_value *v = id == ATM_NONE ? NULL : &g->value[id];
    int64_t n;
    bool flag;

    if (!v || v->constant == ATM_NONE || atm_shape_count(&v->shape, &n) ||
        n != 1 || (v->dtype != ATM_BOOL && v->dtype != ATM_I64))
        return false;
    if (v->dtype == ATM_I64)
        return !atm_constant_read(g, id, 0, sizeof(*x), x);
    if (atm_constant_read(g, id, 0, sizeof(flag), &flag))
        return false;
    *x = flag;
    return true;
}

uint32_t atm__site_output(const struct atm__site *at, size_t output)
{
    return output < at->node->n_output && *at->node->output[output]
               ? atm__scope_find(at->scope, at->node->output[output])
               : ATM_NONE;
}

enum atm_status atm__site_copy_out(const struct atm__site *at, size_t output,
                                   uint32_t from)
{
    uint32_t to = atm__site_output(at, output);

    if (to == ATM_NONE || from == ATM_NONE ||
        !at->im->g->value[from].shape_known)
        return ATM_OK;
    return atm__site_add(at, "Identity", 1, &from, to, NULL);
}

/* ---- bodies ------------------------------------------------------------- */

static enum atm_status add_initialisers(struct atm__importer *im,
                                        const struct atm__scope *s,
                                        const Onnx__GraphProto *g)
{
    enum atm_status st = ATM_OK;
    uint32_t id;
    size_t i;

    if (g->n_sparse_initializer > 0)
        return atm_fail(ATM_UNSUPPORTED, "sparse initialisers");
    for (i = 0; !st && i < g->n_initializer; i++) {
        const Onnx__TensorProto *t = g->initializer[i];

        st = new_value(im, s, text(t->name), &id);
        if (!st)
            st = define(s, t->name, id);
        if (!st)
            st = atm__tensor_value(im, t, id);
    }
    return st;
}

static enum atm_status expand(const struct atm__site *at);

static enum atm_status add_body_node(const struct atm__site *at)
{
    const Onnx__NodeProto *n = at->node;
    const char *domain = is_onnx(n->domain) ? "" : n->domain;
    const struct atm_op *op = atm_op_find(domain, text(n->op_type));
    uint32_t before = at->im->g->n_nodes, id;
    enum atm_status st = ATM_OK;
    size_t i;

    for (i = 0; !st && i < n->n_output; i++) {
        if (!*n->output[i])
            continue;
        st = new_value(at->im, at->scope, n->output[i], &id);
        if (!st)
            st = define(at->scope, n->output[i], id);
    }
    if (st)
        return st;
    if (atm__is_expanded(&at->im->functions, n))
        return expand(at);
    if (!op && strcmp(text(n->op_type), "Constant") != 0)
        return atm_fail(ATM_UNSUPPORTED, "operator %s%s%s", domain,
                        *domain ? "." : "", text(n->op_type));
    st = atm__add_node(at->im, at->scope, n, at->index, NULL);
    if (!st && at->im->g->n_nodes > before)
        st = atm__infer_node(at->im, before);
    return st;
}

/* Nodes of a body one by one; what is not supported among them is listed, and
 * what depends on it stays unknown. */
static enum atm_status add_nodes(const struct atm__site *at,
                                 const struct atm__scope *s, size_t n,
                                 Onnx__NodeProto *const *node)
{
    enum atm_status st = ATM_OK;
    size_t i;

    for (i = 0; !st && i < n; i++) {
        struct atm__site inner = {at->im, s, node[i], at->index};

        st = add_body_node(&inner);
        if (st)
            st = atm_fail_in(st, "node %zu \"%s\" (%s) of %s", i,
                             text(node[i]->name), text(node[i]->op_type),
                             s->prefix);
        if (st != ATM_UNSUPPORTED || too_much(at->im))
            continue;
        atm__unsupported(at->im, "%s", atm_errmsg());
        st = ATM_OK;
    }
    return st;
}

static enum atm_status body_output(const struct atm__scope *s, const char *name,
                                   uint32_t *id)
{
    *id = atm__scope_find(s, text(name));
    return *id == ATM_NONE
               ? atm_fail(ATM_FORMAT, "its body gives no \"%s\"", text(name))
               : ATM_OK;
}

enum atm_status atm__site_body(const struct atm__site *at, const char *what,
                               const Onnx__GraphProto *g, uint32_t n_in,
                               const uint32_t *in, uint32_t n_out,
                               uint32_t *out)
{
    struct atm__names names = {0};
    struct atm__scope s;
    enum atm_status st;
    uint32_t i;

    if (g->n_input < n_in || g->n_output < n_out)
        return atm_fail(ATM_FORMAT,
                        "its body has %zu inputs and %zu outputs; %" PRIu32
                        " and %" PRIu32 " are needed",
                        g->n_input, g->n_output, n_in, n_out);
    st = open_scope(at, what, &names, &s);
    for (i = 0; !st && i < n_in; i++)
        st = define(&s, g->input[i]->name, in[i]);
    if (!st)
        st = add_initialisers(at->im, &s, g);
    if (!st)
        st = add_nodes(at, &s, g->n_node, g->node);
    for (i = 0; !st && i < n_out; i++)
        st = body_output(&s, g->output[i]->name, &out[i]);
    atm__names_clear(&names);
    return st;
}

const Onnx__AttributeProto *atm__site_attr(const struct atm__site *at,
                                           const char *name)
{
    size_t i;

    for (i = 0; i < at->node->n_attribute; i++)
        if (strcmp(text(at->node->attribute[i]->name), name) == 0)
            return atm__scope_attr(at->scope, at->node->attribute[i]);
    return NULL;
}

enum atm_status atm__site_graph(const struct atm__site *at, const char *name,
                                const Onnx__GraphProto **g)
{
    const Onnx__AttributeProto *a = atm__site_attr(at, name);

    *g = a ? a->g : NULL;
    return *g ? ATM_OK : atm_fail(ATM_FORMAT, "attribute %s is no graph", name);
}

enum atm_status atm__site_input(const struct atm__site *at, size_t i,
                                uint32_t *id)
{
    const char *name = i < at->node->n_input ? at->node->input[i] : "";

    *id = *name ? atm__scope_find(at->scope, name) : ATM_NONE;
    if (*name && *id == ATM_NONE)
        return atm_fail(ATM_FORMAT, "input \"%s\" is produced by no node",
                        name);
    if (*id == ATM__OMITTED)
        *id = ATM_NONE;
    return ATM_OK;
}

/* ---- If ------------------------------------------------------------------ */

static enum atm_status expand_if(const struct atm__site *at)
{
    const Onnx__GraphProto *body;
    uint32_t id, *out;
    enum atm_status st;
    int64_t taken;
    size_t i;

    st = atm__site_input(at, 0, &id);
    if (!st && !atm__site_known(at, id, &taken))
        st = atm_fail(ATM_UNSUPPORTED,
                      "its condition \"%s\" is not known when the model is "
                      "loaded; bind the inputs that it comes from (--value)",
                      at->node->n_input ? at->node->input[0] : "");
    if (st)
        return st;
    st = atm__site_graph(at, taken ? "then_branch" : "else_branch", &body);
    if (!st && body->n_output != at->node->n_output)
        st = atm_fail(ATM_FORMAT, "the branch gives %zu values, the node %zu",
                      body->n_output, at->node->n_output);
    if (st)
        return st;
    out = atm_arena_array(at->im->g->arena, body->n_output, sizeof(*out));
    if (!out)
        return ATM_NOMEM;
    st = atm__site_body(at, taken ? "then" : "else", body, 0, NULL,
                        (uint32_t)body->n_output, out);
    for (i = 0; !st && i < body->n_output; i++)
        st = atm__site_copy_out(at, i, out[i]);
    return st;
}

/* ---- functions ------------------------------------------------------------
 */

static enum atm_status function_opset(const struct atm__site *at,
                                      const Onnx__FunctionProto *f, int *opset)
{
    size_t i;

    for (i = 0; i < f->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = f->opset_import[i];

        if (!is_onnx(o->domain))
            continue;
        if (o->version < 1 || o->version > ATM__OPSET_MAX)
            return atm_fail(ATM_UNSUPPORTED, "opset %" PRId64 " (1 to %d are)",
                            o->version, ATM__OPSET_MAX);
        *opset = (int)o->version;
        return ATM_OK;
    }
    *opset = at->im->opset;
    return ATM_OK;
}

static enum atm_status expand_function(const struct atm__site *at,
                                       const Onnx__FunctionProto *f)
{
    struct atm__names names = {0};
    struct atm__scope s;
    enum atm_status st;
    uint32_t id;
    size_t i;

    if (at->node->n_input > f->n_input || at->node->n_output > f->n_output)
        return atm_fail(ATM_FORMAT,
                        "the function has %zu inputs and %zu "
                        "outputs",
                        f->n_input, f->n_output);
    st = open_scope(at, "", &names, &s);
    s.outer = NULL;
    s.call = at->node;
    s.caller = at->scope;
    if (!st)
        st = function_opset(at, f, &s.opset);
    for (i = 0; !st && i < f->n_input; i++) {
        st = atm__site_input(at, i, &id);
        if (!st)
            st = define(&s, f->input[i], id == ATM_NONE ? ATM__OMITTED : id);
    }
    if (!st)
        st = add_nodes(at, &s, f->n_node, f->node);
    for (i = 0; !st && i < at->node->n_output; i++) {
        st = body_output(&s, f->output[i], &id);
        if (!st)
            st = atm__site_copy_out(at, i, id);
    }
    atm__names_clear(&names);
    return st;
}

static enum atm_status expand(const struct atm__site *at)
{
    const Onnx__FunctionProto *f = function_of(&at->im->functions, at->node);

    return f ? expand_function(at, f) : expander_of(at->node)(at);
}

enum atm_status atm__expand(struct atm__importer *im,
                            const struct atm__scope *scope,
                            const Onnx__NodeProto *n, uint32_t index)
{
    struct atm__site at = {im, scope, n, index};

    return expand(&at);
}
