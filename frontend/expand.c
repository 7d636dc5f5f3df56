/* expand.c - control flow and model-local functions: what the model's values
 * decide is decided here, once. The taken branch of an If, each iteration of a
 * Loop or a Scan and the body of a called function become ordinary nodes, while
 * inference goes on: a condition is known when the nodes before it are. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 32
#define ITERATIONS_MAX 1024
#define NODES_MAX (1u << 17)
#define BODIES_MAX (1u << 17) /* branches, iterations, calls */
#define SCANS_MAX 16
#define NAME_MAX_BYTES 256 /* longer ones are numbered instead */

/* One node that is being expanded. */
struct site {
    struct atm__importer *im;
    const struct atm__scope *scope;
    const Onnx__NodeProto *node;
    uint32_t index; /* of the model's node that it comes from */
};

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool is_onnx(const char *domain)
{
    return !*text(domain) || strcmp(domain, "ai.onnx") == 0;
}

static bool is_control(const Onnx__NodeProto *n)
{
    const char *op = text(n->op_type);

    return is_onnx(n->domain) &&
           (strcmp(op, "If") == 0 || strcmp(op, "Loop") == 0 ||
            strcmp(op, "Scan") == 0);
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
    return is_control(n) || function_of(f, n) != NULL;
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
static enum atm_status open_scope(const struct site *at, const char *what,
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

static enum atm_status add(const struct site *at, const char *op, uint32_t n_in,
                           const uint32_t *in, uint32_t out,
                           const struct atm_attr *attr)
{
    struct atm__importer *im = at->im;
    enum atm_status st;
    uint32_t id;

    st = atm_graph_add_node(im->g, text(at->node->name), atm_op_find("", op),
                            13, n_in, in, 1, &out, attr ? 1 : 0, attr, &id);
    if (!st)
        st = atm__set_origin(im, id, at->index);
    return st ? st : atm__infer_node(im, id);
}

static enum atm_status constant(const struct site *at, enum atm_dtype dtype,
                                int64_t value, uint32_t rank, uint32_t *id)
{
    bool flag = value != 0;
    struct atm_constant c = {.kind = ATM_CONST_INLINE,
                             .bytes = atm_dtype_bytes(dtype),
                             .data = dtype == ATM_BOOL ? (void *)&flag
                                                       : (void *)&value};
    struct atm_graph *g = at->im->g;
    enum atm_status st = atm__value_new(at->im, NULL, id);
    struct atm_value *v;

    if (st)
        return st;
    v = &g->value[*id];
    v->dtype = dtype;
    v->shape = (struct atm_shape){rank, {1}};
    v->shape_known = true;
    return atm_graph_add_constant(g, &c, &v->constant);
}

/* Whether value `id` is one constant number, and which. */
static bool known(const struct atm__importer *im, uint32_t id, int64_t *x)
{
    const struct atm_value *v = id == ATM_NONE ? NULL : &im->g->value[id];
    int64_t n;
    bool flag;

    if (!v || v->constant == ATM_NONE || atm_shape_count(&v->shape, &n) ||
        n != 1 || (v->dtype != ATM_BOOL && v->dtype != ATM_I64))
        return false;
    if (v->dtype == ATM_I64)
        return !atm_constant_read(im->g, id, 0, sizeof(*x), x);
    if (atm_constant_read(im->g, id, 0, sizeof(flag), &flag))
        return false;
    *x = flag;
    return true;
}

/* The values of a body become the node's outputs. */
static enum atm_status copy_out(const struct site *at, size_t output,
                                uint32_t from)
{
    uint32_t to = output < at->node->n_output && *at->node->output[output]
                      ? atm__scope_find(at->scope, at->node->output[output])
                      : ATM_NONE;

    if (to == ATM_NONE || from == ATM_NONE ||
        !at->im->g->value[from].shape_known)
        return ATM_OK;
    return add(at, "Identity", 1, &from, to, NULL);
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

static enum atm_status expand(const struct site *at);

static enum atm_status add_body_node(const struct site *at)
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
static enum atm_status add_nodes(const struct site *at,
                                 const struct atm__scope *s, size_t n,
                                 Onnx__NodeProto *const *node)
{
    enum atm_status st = ATM_OK;
    size_t i;

    for (i = 0; !st && i < n; i++) {
        struct site inner = {at->im, s, node[i], at->index};

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

static enum atm_status add_body(const struct site *at,
                                const struct atm__scope *s,
                                const Onnx__GraphProto *g)
{
    enum atm_status st = add_initialisers(at->im, s, g);

    return st ? st : add_nodes(at, s, g->n_node, g->node);
}

static enum atm_status body_output(const struct atm__scope *s, const char *name,
                                   uint32_t *id)
{
    *id = atm__scope_find(s, text(name));
    return *id == ATM_NONE
               ? atm_fail(ATM_FORMAT, "its body gives no \"%s\"", text(name))
               : ATM_OK;
}

static const Onnx__AttributeProto *attribute(const struct site *at,
                                             const char *name)
{
    size_t i;

    for (i = 0; i < at->node->n_attribute; i++)
        if (strcmp(text(at->node->attribute[i]->name), name) == 0)
            return atm__scope_attr(at->scope, at->node->attribute[i]);
    return NULL;
}

static enum atm_status subgraph(const struct site *at, const char *name,
                                const Onnx__GraphProto **g)
{
    const Onnx__AttributeProto *a = attribute(at, name);

    *g = a ? a->g : NULL;
    return *g ? ATM_OK : atm_fail(ATM_FORMAT, "attribute %s is no graph", name);
}

/* Id of input i; ATM_NONE if it is omitted. */
static enum atm_status input(const struct site *at, size_t i, uint32_t *id)
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

static enum atm_status expand_if(const struct site *at)
{
    struct atm__names names = {0};
    const Onnx__GraphProto *body;
    struct atm__scope s;
    enum atm_status st;
    int64_t taken;
    uint32_t id;
    size_t i;

    st = input(at, 0, &id);
    if (!st && !known(at->im, id, &taken))
        st = atm_fail(ATM_UNSUPPORTED,
                      "its condition \"%s\" is not known when the model is "
                      "loaded; bind the inputs that it comes from (--value)",
                      at->node->n_input ? at->node->input[0] : "");
    if (st)
        return st;
    st = subgraph(at, taken ? "then_branch" : "else_branch", &body);
    if (!st && body->n_output != at->node->n_output)
        st = atm_fail(ATM_FORMAT, "the branch gives %zu values, the node %zu",
                      body->n_output, at->node->n_output);
    if (!st)
        st = open_scope(at, taken ? "then" : "else", &names, &s);
    if (!st)
        st = add_body(at, &s, body);
    for (i = 0; !st && i < body->n_output; i++) {
        st = body_output(&s, body->output[i]->name, &id);
        if (!st)
            st = copy_out(at, i, id);
    }
    atm__names_clear(&names);
    return st;
}

/* ---- Loop and Scan ---------------------------------------------------------
 */

/* Values that the iterations give one by one and that are stacked. */
struct stack {
    uint32_t n, cap;
    uint32_t *id;
};

static enum atm_status push(const struct site *at, struct stack *s, uint32_t id)
{
    uint32_t *grown = atm_arena_grow(at->im->g->arena, s->id, &s->cap, s->n + 1,
                                     sizeof(*grown));

    if (!grown)
        return ATM_NOMEM;
    s->id = grown;
    s->id[s->n++] = id;
    return ATM_OK;
}

/* Concat of the values, each with a new dimension `axis`; the last one first
 * if `reverse`. */
static enum atm_status join(const struct site *at, struct stack *s,
                            int64_t axis, bool reverse, size_t output)
{
    const struct atm_attr attr = {
        .name = "axis", .kind = ATM_ATTR_INT, .i = axis};
    enum atm_status st = ATM_OK;
    uint32_t i, in[2], out;

    if (output >= at->node->n_output || !*at->node->output[output])
        return ATM_OK;
    if (s->n == 0)
        return atm_fail(ATM_UNSUPPORTED,
                        "no iteration is run, so output %zu has no shape",
                        output);
    st = constant(at, ATM_I64, axis, 1, &in[1]);
    for (i = 0; !st && i < s->n; i++) {
        in[0] = s->id[i];
        if (!at->im->g->value[in[0]].shape_known)
            return ATM_OK;
        st = atm__value_new(at->im, NULL, &s->id[i]);
        if (!st)
            st = add(at, "Unsqueeze", 2, in, s->id[i], NULL);
    }
    for (i = 0; !st && reverse && i < s->n / 2; i++) {
        uint32_t other = s->id[s->n - 1 - i];

        s->id[s->n - 1 - i] = s->id[i];
        s->id[i] = other;
    }
    out = atm__scope_find(at->scope, at->node->output[output]);
    return st ? st : add(at, "Concat", s->n, s->id, out, &attr);
}

/* A loop while it is unrolled. */
struct loop {
    const Onnx__GraphProto *body;
    uint32_t n_carried, n_scans;
    uint32_t *carried;
    struct stack *scan;
};

/* `first`: body outputs before the carried ones. */
static enum atm_status prepare(const struct site *at, struct loop *l,
                               size_t carried, size_t inputs, size_t first)
{
    struct atm_arena *arena = at->im->g->arena;
    enum atm_status st = subgraph(at, "body", &l->body);

    if (st)
        return st;
    if (l->body->n_input != inputs || l->body->n_output < first + carried ||
        at->node->n_output > l->body->n_output - first)
        return atm_fail(ATM_FORMAT, "its body has another number of inputs or "
                                    "outputs than the node needs");
    l->n_carried = (uint32_t)carried;
    l->n_scans = (uint32_t)(l->body->n_output - first - carried);
    l->carried = atm_arena_array(arena, carried, sizeof(*l->carried));
    l->scan = atm_arena_array(arena, l->n_scans, sizeof(*l->scan));
    return l->carried && l->scan ? ATM_OK : ATM_NOMEM;
}

/* One iteration: binds `n_given` values and the carried ones around them as the
 * body's inputs, adds its nodes, takes its outputs. `first` gets the outputs
 * before the carried ones. */
static enum atm_status iterate(const struct site *at, struct loop *l,
                               int64_t number, uint32_t n_before,
                               const uint32_t *before, uint32_t n_behind,
                               const uint32_t *behind, uint32_t *first)
{
    struct atm__names names = {0};
    struct atm__scope s;
    enum atm_status st;
    uint32_t i, at_input = 0, at_output = 0, id;
    char what[24];

    (void)snprintf(what, sizeof(what), "%" PRId64, number);
    st = open_scope(at, what, &names, &s);
    for (i = 0; !st && i < n_before; i++)
        st = define(&s, l->body->input[at_input++]->name, before[i]);
    for (i = 0; !st && i < l->n_carried; i++)
        st = define(&s, l->body->input[at_input++]->name, l->carried[i]);
    for (i = 0; !st && i < n_behind; i++)
        st = define(&s, l->body->input[at_input++]->name, behind[i]);
    if (!st)
        st = add_body(at, &s, l->body);
    if (!st && first)
        st = body_output(&s, l->body->output[at_output++]->name, first);
    for (i = 0; !st && i < l->n_carried; i++)
        st =
            body_output(&s, l->body->output[at_output++]->name, &l->carried[i]);
    for (i = 0; !st && i < l->n_scans; i++) {
        st = body_output(&s, l->body->output[at_output++]->name, &id);
        if (!st)
            st = push(at, &l->scan[i], id);
    }
    atm__names_clear(&names);
    return st;
}

static enum atm_status too_long(void)
{
    return atm_fail(ATM_UNSUPPORTED,
                    "more than %d iterations; no more are "
                    "unrolled",
                    ITERATIONS_MAX);
}

/* A scalar, or one element where the body declares a list. */
static uint32_t declared_rank(const Onnx__ValueInfoProto *v)
{
    return v->type &&
                   v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
                   v->type->tensor_type->shape &&
                   v->type->tensor_type->shape->n_dim == 1
               ? 1
               : 0;
}

/* Trip count and first condition of a Loop. */
static enum atm_status loop_bounds(const struct site *at, int64_t *trips,
                                   int64_t *more)
{
    enum atm_status st;
    uint32_t id;

    *trips = INT64_MAX;
    *more = 1;
    st = input(at, 0, &id);
    if (!st && id != ATM_NONE && !known(at->im, id, trips))
        st = atm_fail(ATM_UNSUPPORTED, "its trip count is not known when the "
                                       "model is loaded; bind the inputs that "
                                       "it comes from (--value)");
    if (!st)
        st = input(at, 1, &id);
    if (!st && id != ATM_NONE && !known(at->im, id, more))
        st = atm_fail(ATM_UNSUPPORTED, "its condition is not known when the "
                                       "model is loaded; bind the inputs that "
                                       "it comes from (--value)");
    return st;
}

static enum atm_status expand_loop(const struct site *at)
{
    size_t carried = at->node->n_input < 2 ? 0 : at->node->n_input - 2;
    int64_t trips, more, number;
    uint32_t given[2], cond, i;
    struct loop l = {0};
    enum atm_status st;

    st = prepare(at, &l, carried, carried + 2, 1);
    if (!st)
        st = loop_bounds(at, &trips, &more);
    for (i = 0; !st && i < l.n_carried; i++)
        st = input(at, i + 2, &l.carried[i]);
    for (number = 0; !st && more && number < trips; number++) {
        if (number == ITERATIONS_MAX)
            return too_long();
        st = constant(at, ATM_I64, number, declared_rank(l.body->input[0]),
                      &given[0]);
        if (!st)
            st = constant(at, ATM_BOOL, 1, declared_rank(l.body->input[1]),
                          &given[1]);
        if (!st)
            st = iterate(at, &l, number, 2, given, 0, NULL, &cond);
        if (!st && *at->im->unsupported)
            return ATM_OK; /* the same again in each iteration */
        if (!st && !known(at->im, cond, &more))
            st = atm_fail(ATM_UNSUPPORTED,
                          "whether iteration %" PRId64 " is the last depends "
                          "on what the model computes",
                          number);
    }
    for (i = 0; !st && i < l.n_carried; i++)
        st = copy_out(at, i, l.carried[i]);
    for (i = 0; !st && i < l.n_scans; i++)
        st = join(at, &l.scan[i], 0, false, l.n_carried + i);
    return st;
}

/* Element i of a list attribute of a Scan, 0 by default. */
static int64_t list_int(const struct site *at, const char *name, uint32_t i)
{
    const Onnx__AttributeProto *a = attribute(at, name);

    return a && i < a->n_ints ? a->ints[i] : 0;
}

/* Iterations of a Scan: the length of what it scans. */
static enum atm_status scan_length(const struct site *at, uint32_t n,
                                   const uint32_t *scanned, int64_t *axis,
                                   int64_t *length)
{
    uint32_t i;

    *length = -1;
    for (i = 0; i < n; i++) {
        const struct atm_shape *s = &at->im->g->value[scanned[i]].shape;
        int64_t d = list_int(at, "scan_input_axes", i);

        d += d < 0 ? s->rank : 0;
        if (d < 0 || d >= s->rank)
            return atm_fail(ATM_FORMAT,
                            "scan input %" PRIu32 " has no axis "
                            "%" PRId64,
                            i, d);
        if (*length >= 0 && s->dim[d] != *length)
            return atm_fail(ATM_FORMAT, "its scan inputs differ in length");
        *length = s->dim[d];
        axis[i] = d;
    }
    return *length > ITERATIONS_MAX ? too_long() : ATM_OK;
}

/* What iteration `number` sees of each scanned value. */
static enum atm_status scan_slices(const struct site *at, uint32_t n,
                                   const uint32_t *scanned, const int64_t *axis,
                                   int64_t number, int64_t length,
                                   uint32_t *slice)
{
    enum atm_status st = ATM_OK;
    uint32_t i, in[2];

    for (i = 0; !st && i < n; i++) {
        struct atm_attr attr = {
            .name = "axis", .kind = ATM_ATTR_INT, .i = axis[i]};
        bool back = list_int(at, "scan_input_directions", i) != 0;

        in[0] = scanned[i];
        st = constant(at, ATM_I64, back ? length - 1 - number : number, 0,
                      &in[1]);
        if (!st)
            st = atm__value_new(at->im, NULL, &slice[i]);
        if (!st)
            st = add(at, "Gather", 2, in, slice[i], &attr);
    }
    return st;
}

static enum atm_status expand_scan(const struct site *at)
{
    const Onnx__AttributeProto *a = attribute(at, "num_scan_inputs");
    size_t n_in = at->node->n_input, n = a && a->i > 0 ? (size_t)a->i : 0;
    uint32_t scanned[SCANS_MAX], slice[SCANS_MAX], i;
    int64_t axis[SCANS_MAX], length = 0, number;
    struct loop l = {0};
    enum atm_status st;

    if (at->scope->opset < 9)
        return atm_fail(ATM_UNSUPPORTED, "Scan of opset 8 (from 9 on)");
    if (n < 1 || n > n_in)
        return atm_fail(ATM_FORMAT, "num_scan_inputs is %zu", n);
    if (n > SCANS_MAX)
        return atm_fail(ATM_UNSUPPORTED, "%zu scan inputs; at most %d", n,
                        SCANS_MAX);
    st = prepare(at, &l, n_in - n, n_in, 0);
    for (i = 0; !st && i < l.n_carried; i++)
        st = input(at, i, &l.carried[i]);
    for (i = 0; !st && i < n; i++) {
        st = input(at, l.n_carried + i, &scanned[i]);
        if (!st && scanned[i] == ATM_NONE)
            st = atm_fail(ATM_FORMAT, "a scan input is omitted");
        if (!st && !at->im->g->value[scanned[i]].shape_known)
            return ATM_OK;
    }
    if (!st)
        st = scan_length(at, (uint32_t)n, scanned, axis, &length);
    for (number = 0; !st && number < length; number++) {
        st = scan_slices(at, (uint32_t)n, scanned, axis, number, length, slice);
        if (!st)
            st = iterate(at, &l, number, 0, NULL, (uint32_t)n, slice, NULL);
        if (!st && *at->im->unsupported)
            return ATM_OK;
    }
    for (i = 0; !st && i < l.n_carried; i++)
        st = copy_out(at, i, l.carried[i]);
    for (i = 0; !st && i < l.n_scans; i++)
        st = join(at, &l.scan[i], list_int(at, "scan_output_axes", i),
                  list_int(at, "scan_output_directions", i) != 0,
                  l.n_carried + i);
    return st;
}

/* ---- functions ------------------------------------------------------------
 */

static enum atm_status function_opset(const struct site *at,
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

static enum atm_status expand_function(const struct site *at,
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
        st = input(at, i, &id);
        if (!st)
            st = define(&s, f->input[i], id == ATM_NONE ? ATM__OMITTED : id);
    }
    if (!st)
        st = add_nodes(at, &s, f->n_node, f->node);
    for (i = 0; !st && i < at->node->n_output; i++) {
        st = body_output(&s, f->output[i], &id);
        if (!st)
            st = copy_out(at, i, id);
    }
    atm__names_clear(&names);
    return st;
}

static enum atm_status expand(const struct site *at)
{
    const Onnx__FunctionProto *f = function_of(&at->im->functions, at->node);
    const char *op = text(at->node->op_type);

    if (f)
        return expand_function(at, f);
    if (strcmp(op, "If") == 0)
        return expand_if(at);
    return strcmp(op, "Loop") == 0 ? expand_loop(at) : expand_scan(at);
}

enum atm_status atm__expand(struct atm__importer *im,
                            const struct atm__scope *scope,
                            const Onnx__NodeProto *n, uint32_t index)
{
    struct site at = {im, scope, n, index};

    return expand(&at);
}
