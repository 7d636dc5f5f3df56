/* infer.c - types and shapes over the whole graph, node by node, and folding
 * on the way: a shape that is computed from constants must be known before
 * the next node is looked at. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"
#include "checked.h"
#include "node_call.h"
#include "passes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOLD_INPUT_MAX (4u << 20)
#define FOLDED_MAX                                                             \
    (64u << 20) /* all results: a small file may ask for many                  \
                 */
#define SCRATCH_MAX (16u << 20)
#define WORK_MAX (UINT64_C(1) << 27) /* all elements that folding looks at */

struct fold {
    struct atm_graph *g;
    struct atm_arena *arena; /* of one node */
    bool drop;               /* it was folded */
    uint64_t folded, work;
};

/* Nodes in the order in which they were inferred: expansion adds some behind
 * the model's own that belong between them. */
struct atm__inference {
    struct fold fold;
    uint32_t n, cap_order, cap_drop;
    uint32_t *order;
    bool *drop; /* by place in the order */
};

static bool is_op(const struct atm_node *n, const char *name)
{
    return strcmp(n->op->name, name) == 0 && !*n->op->domain;
}

/* Elements that evaluating the node looks at, times looked at. A file of a few
 * bytes must not ask for minutes. */
static uint64_t work_of(const struct atm_call *call)
{
    uint64_t sum = 1, most = 1, out = 1, work;
    int64_t n;
    uint32_t i;

    for (i = 0; i < call->n_in; i++) {
        if (!call->in[i].present || atm_shape_count(&call->in[i].shape, &n))
            continue;
        sum += (uint64_t)n;
        most = (uint64_t)n > most ? (uint64_t)n : most;
    }
    for (i = 0; i < call->n_out; i++)
        if (call->out[i].present && !atm_shape_count(&call->out[i].shape, &n))
            out += (uint64_t)n;
    if (!(call->node->op->flags & ATM_OP_PRODUCT))
        return sum + out;
    return atm_mul_u64(most, out, &work) ? work : UINT64_MAX;
}

/* Worth evaluating now: constant inputs, small outputs. A shape needs only
 * the shape of its input. */
static bool can_fold(struct fold *f, const struct atm_call *call)
{
    const struct atm_node *n = call->node;
    bool of_shape = n->op->flags & ATM_OP_SHAPE && !call->in[0].shape.bound;
    uint64_t bytes, in = 0, out = 0;
    uint32_t i;

    if (n->op->flags & ATM_OP_RANDOM)
        return false;
    for (i = 0; !of_shape && i < n->n_in; i++) {
        uint32_t c =
            n->in[i] == ATM_NONE ? ATM_NONE : f->g->value[n->in[i]].constant;

        if (n->in[i] != ATM_NONE && c == ATM_NONE)
            return false;
        in += c == ATM_NONE ? 0 : f->g->constant[c].bytes;
        if (in > FOLD_INPUT_MAX)
            return false;
    }
    for (i = 0; i < n->n_out; i++) {
        if (!call->out[i].present)
            continue;
        if (atm_shape_bytes(&call->out[i].shape, call->out[i].dtype, &bytes) ||
            bytes > ATM_INLINE_MAX)
            return false;
        out += bytes;
    }
    if (out > FOLDED_MAX - f->folded ||
        (!of_shape && work_of(call) > WORK_MAX - f->work))
        return false;
    f->folded += out;
    f->work += of_shape ? 0 : work_of(call);
    return !call->node->op->impl->scratch_bytes ||
           call->node->op->impl->scratch_bytes(call) <= SCRATCH_MAX;
}

/* Memory for the operands; constants are read into it. */
static enum atm_status operands(struct fold *f, struct atm_call *call)
{
    struct atm_arena *arena = f->arena;
    const struct atm_node *n = call->node;
    enum atm_status st;
    uint64_t bytes;
    uint32_t i;

    for (i = 0; i < n->n_in; i++) {
        const struct atm_value *v;

        if (n->in[i] == ATM_NONE || call->in[i].data)
            continue;
        v = &f->g->value[n->in[i]];
        if (v->constant == ATM_NONE)
            continue;
        bytes = f->g->constant[v->constant].bytes;
        call->in[i].data = atm_arena_alloc(arena, bytes);
        if (!call->in[i].data)
            return ATM_NOMEM;
        st = atm_constant_read(f->g, n->in[i], 0, bytes, call->in[i].data);
        if (st)
            return st;
    }
    for (i = 0; i < n->n_out; i++) {
        if (!call->out[i].present)
            continue;
        st = atm_shape_bytes(&call->out[i].shape, call->out[i].dtype, &bytes);
        if (st)
            return st;
        call->out[i].data = atm_arena_alloc(arena, bytes);
        if (!call->out[i].data)
            return ATM_NOMEM;
    }
    if (n->op->impl->scratch_bytes) {
        char *p = atm_arena_alloc(arena,
                                  n->op->impl->scratch_bytes(call) + ATM_ALIGN);

        if (!p)
            return ATM_NOMEM;
        call->scratch = p + (ATM_ALIGN - (uintptr_t)p % ATM_ALIGN) % ATM_ALIGN;
    }
    return ATM_OK;
}

static enum atm_status evaluate(struct fold *f, struct atm_call *call)
{
    struct atm_constant c = {.kind = ATM_CONST_INLINE};
    enum atm_status st;
    uint32_t i;

    st = operands(f, call);
    if (!st)
        st = atm_op_run_reference(call);
    for (i = 0; !st && i < call->n_out; i++) {
        if (!call->out[i].present)
            continue;
        (void)atm_shape_bytes(&call->out[i].shape, call->out[i].dtype,
                              &c.bytes);
        f->g->value[call->node->out[i]].shape = call->out[i].shape;
        c.data = call->out[i].data;
        st = atm_graph_add_constant(f->g, &c,
                                    &f->g->value[call->node->out[i]].constant);
    }
    return st;
}

/* A float constant too large to keep, but all of one value, needs no bytes. */
static enum atm_status fill(struct fold *f, struct atm_call *call, bool *done)
{
    struct atm_constant c = {.kind = ATM_CONST_GENERATED};
    const struct atm_attr *a = atm_node_attr(call->node, "value");
    struct atm_value *y = &f->g->value[call->node->out[0]];
    enum atm_status st;
    float v = 0;

    *done = is_op(call->node, "ConstantOfShape") && y->dtype == ATM_F32;
    if (!*done)
        return ATM_OK;
    st = a ? atm_constant_read(f->g, a->value, 0, sizeof(v), &v) : ATM_OK;
    if (!st)
        st = atm_shape_bytes(&y->shape, y->dtype, &c.bytes);
    c.mean = v;
    return st ? st : atm_graph_add_constant(f->g, &c, &y->constant);
}

static enum atm_status infer_node(struct fold *f, uint32_t index)
{
    const struct atm_node *n = &f->g->node[index];
    struct atm_call call;
    enum atm_status st;
    uint32_t i;

    st = atm_node_call(f->g, n, f->arena, &call);
    if (!st)
        st = atm_op_infer(&call);
    if (st)
        return st;
    for (i = 0; i < n->n_out; i++) {
        struct atm_value *v;

        if (n->out[i] == ATM_NONE)
            continue;
        v = &f->g->value[n->out[i]];
        v->dtype = call.out[i].dtype;
        v->shape = call.out[i].shape;
        v->shape_known = true;
    }
    if (can_fold(f, &call)) {
        f->drop = true;
        return evaluate(f, &call);
    }
    return fill(f, &call, &f->drop);
}

/* The declared type and shape of a value against the inferred one. */
static enum atm_status compare(const struct atm__importer *im, uint32_t id)
{
    const struct atm_value *v = &im->g->value[id];
    const struct atm__declared *d = &im->declared[id];
    char is[128], want[128];
    bool same = !d->shaped || d->shape.rank == v->shape.rank;
    uint32_t i;

    if (d->dtype != ATM_DTYPE_NONE && d->dtype != v->dtype)
        return atm_fail(ATM_FORMAT, "\"%s\" is declared %s, but is %s", v->name,
                        atm_dtype_name(d->dtype), atm_dtype_name(v->dtype));
    for (i = 0; same && d->shaped && i < d->shape.rank; i++)
        same = d->shape.dim[i] < 0 || d->shape.dim[i] == v->shape.dim[i] ||
               (v->shape.bound && d->shape.dim[i] < v->shape.dim[i]);
    if (!same)
        return atm_fail(ATM_FORMAT,
                        "\"%s\" is declared %s (-1: any), but is "
                        "%s",
                        v->name, atm_shape_str(&d->shape, want, sizeof(want)),
                        atm_shape_str(&v->shape, is, sizeof(is)));
    return ATM_OK;
}

/* "node 17 "conv1" (Conv): ..."; the rule's own sentence begins with the
 * operator, which need not stand there twice. */
static enum atm_status node_fail(const struct atm__importer *im, uint32_t node,
                                 enum atm_status st)
{
    const struct atm_node *n = &im->g->node[node];
    size_t skip = strlen(n->op->name);
    char why[512];

    (void)snprintf(why, sizeof(why), "%s", atm_errmsg());
    if (strncmp(why, n->op->name, skip) != 0 || strncmp(why + skip, ": ", 2))
        skip = 0;
    return atm_fail(st, "node %" PRIu32 " \"%s\" (%s): %s", im->origin[node],
                    n->name, n->op->name, why + (skip ? skip + 2 : 0));
}

/* False behind a node that is not supported: nothing can be said there. */
static bool inputs_known(const struct atm_graph *g, const struct atm_node *n)
{
    uint32_t i;

    for (i = 0; i < n->n_in; i++)
        if (n->in[i] != ATM_NONE && !g->value[n->in[i]].shape_known)
            return false;
    return true;
}

/* The node's place in the order; dropped if it was folded. */
static enum atm_status place(struct atm__importer *im, uint32_t node, bool drop)
{
    struct atm__inference *f = im->inference;
    struct atm_arena *arena = im->g->arena;
    uint32_t *order = atm_arena_grow(arena, f->order, &f->cap_order, f->n + 1,
                                     sizeof(*order));
    bool *drops =
        atm_arena_grow(arena, f->drop, &f->cap_drop, f->n + 1, sizeof(*drops));

    if (!order || !drops)
        return ATM_NOMEM;
    f->order = order;
    f->drop = drops;
    order[f->n] = node;
    drops[f->n++] = drop;
    return ATM_OK;
}

enum atm_status atm__infer_node(struct atm__importer *im, uint32_t node)
{
    struct fold *f = &im->inference->fold;
    enum atm_status st = ATM_OK;

    f->drop = false;
    if (inputs_known(im->g, &im->g->node[node])) {
        f->arena = atm_arena_new();
        st = f->arena ? infer_node(f, node) : ATM_NOMEM;
        atm_arena_delete(f->arena);
    }
    return st ? st : place(im, node, f->drop);
}

/* What is not supported is listed; anything else ends the import. */
static enum atm_status list(struct atm__importer *im, enum atm_status st)
{
    if (st != ATM_UNSUPPORTED)
        return st;
    atm__unsupported(im, "%s", atm_errmsg());
    return ATM_OK;
}

static enum atm_status expand_holes(struct atm__importer *im, uint32_t *next,
                                    uint32_t before)
{
    const struct atm__scope scope = atm__model_scope(im);
    enum atm_status st = ATM_OK;

    for (; !st && *next < im->n_holes && im->hole[*next].before == before;
         ++*next) {
        const struct atm__hole *h = &im->hole[*next];
        const char *op = h->node->op_type;

        st = atm__expand(im, &scope, h->node, h->index);
        if (st)
            st = atm_fail_in(st, "node %" PRIu32 " \"%s\" (%s)", h->index,
                             h->node->name ? h->node->name : "", op);
        st = list(im, st);
    }
    return st;
}

/* The graph's nodes in the order of inference. */
static enum atm_status sort_nodes(struct atm__importer *im)
{
    const struct atm__inference *f = im->inference;
    struct atm_graph *g = im->g;
    struct atm_node *node = atm_arena_array(g->arena, f->n + 1, sizeof(*node));
    uint32_t i;

    if (!node)
        return ATM_NOMEM;
    for (i = 0; i < f->n; i++)
        node[i] = g->node[f->order[i]];
    g->node = node;
    g->n_nodes = f->n;
    g->cap_nodes = f->n + 1;
    return ATM_OK;
}

enum atm_status atm__infer(struct atm__importer *im)
{
    struct atm__inference f = {.fold.g = im->g};
    uint32_t n = im->g->n_nodes, next = 0, i;
    enum atm_status st = ATM_OK;

    im->inference = &f;
    for (i = 0; !st && i < n; i++) {
        st = expand_holes(im, &next, i);
        if (st)
            break;
        st = atm__infer_node(im, i);
        if (st)
            st = list(im, node_fail(im, i, st));
    }
    if (!st)
        st = expand_holes(im, &next, n);
    if (!st && *im->unsupported)
        st = atm_fail(ATM_UNSUPPORTED, "not supported: %s", im->unsupported);
    for (i = 0; !st && i < im->g->n_values && i < im->cap_declared; i++)
        st = compare(im, i);
    if (!st)
        st = sort_nodes(im);
    if (!st)
        st = atm__compact(im->g, f.drop);
    im->inference = NULL;
    return st;
}
