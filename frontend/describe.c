/* describe.c - what a model's file says of itself, before anything is bound or
 * judged: inputs, operators, sizes. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text(const char *s)
{
    return s ? s : "";
}

static const char *domain_of(const char *domain)
{
    return strcmp(text(domain), "ai.onnx") == 0 ? "" : text(domain);
}

static int64_t opset_of(const Onnx__ModelProto *m)
{
    size_t i;

    for (i = 0; i < m->n_opset_import; i++)
        if (!*domain_of(m->opset_import[i]->domain))
            return m->opset_import[i]->version;
    return 1;
}

void atm__model_info(const Onnx__ModelProto *m, struct atm_model_info *info)
{
    struct atm_shape shape;
    enum atm_dtype dtype;
    uint64_t bytes;
    size_t i;

    memset(info, 0, sizeof(*info));
    (void)snprintf(info->producer, sizeof(info->producer), "%s%s%s",
                   text(m->producer_name),
                   *text(m->producer_version) ? " " : "",
                   text(m->producer_version));
    info->ir_version = m->ir_version;
    info->opset = opset_of(m);
    info->n_nodes = (uint32_t)m->graph->n_node;
    info->n_initialisers = (uint32_t)m->graph->n_initializer;
    for (i = 0; i < m->graph->n_initializer; i++)
        if (!atm__tensor_type(m->graph->initializer[i], &dtype, &shape, &bytes))
            info->initialiser_bytes += bytes;
}

static enum atm_status fill_dims(struct atm_arena *a,
                                 const Onnx__TensorShapeProto *s,
                                 struct atm_model_input *in)
{
    int64_t *dim = atm_arena_array(a, s->n_dim, sizeof(*dim));
    const char **symbol = atm_arena_array(a, s->n_dim, sizeof(*symbol));
    size_t i;

    if (!dim || !symbol)
        return ATM_NOMEM;
    for (i = 0; i < s->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = s->dim[i];

        dim[i] = -1;
        symbol[i] = "";
        if (d->value_case ==
            ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
            dim[i] = d->dim_value;
        else if (d->value_case ==
                 ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM)
            symbol[i] = atm_arena_strdup(a, text(d->dim_param));
        if (!symbol[i])
            return ATM_NOMEM;
    }
    in->shaped = true;
    in->rank = (uint32_t)s->n_dim;
    in->dim = dim;
    in->symbol = symbol;
    return ATM_OK;
}

static enum atm_status fill_inputs(const Onnx__GraphProto *g,
                                   struct atm_model_summary *s)
{
    struct atm__names defaults = {0};
    enum atm_status st = ATM_OK;
    size_t i;

    for (i = 0; i < g->n_initializer && !st; i++)
        if (atm__names_find(&defaults, text(g->initializer[i]->name)) ==
            ATM_NONE)
            st = atm__names_add(&defaults, text(g->initializer[i]->name), 0);
    s->input = atm_arena_array(s->arena, g->n_input, sizeof(*s->input));
    if (!s->input)
        st = ATM_NOMEM;
    for (i = 0; i < g->n_input && !st; i++) {
        const Onnx__ValueInfoProto *v = g->input[i];
        struct atm_model_input *in = &s->input[s->n_inputs++];
        const Onnx__TypeProto__Tensor *t =
            v->type &&
                    v->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
                ? v->type->tensor_type
                : NULL;
        enum atm_dtype dtype =
            t ? atm_dtype_from_onnx(t->elem_type) : ATM_DTYPE_NONE;

        in->name = atm_arena_strdup(s->arena, text(v->name));
        in->dtype = dtype == ATM_DTYPE_NONE ? "?" : atm_dtype_name(dtype);
        in->initialised = atm__names_find(&defaults, text(v->name)) != ATM_NONE;
        if (!in->name)
            st = ATM_NOMEM;
        else if (t && t->shape)
            st = fill_dims(s->arena, t->shape, in);
    }
    atm__names_clear(&defaults);
    return st;
}

static int by_name(const void *a, const void *b)
{
    const struct atm_model_op *x = a, *y = b;
    int order = strcmp(x->domain, y->domain);

    return order ? order : strcmp(x->name, y->name);
}

static bool supported(const struct atm__functions *f, const Onnx__NodeProto *n,
                      int64_t opset)
{
    const struct atm_op *op =
        atm_op_find(domain_of(n->domain), text(n->op_type));

    if (atm__is_expanded(f, n))
        return true; /* if what it depends on is known */
    return op ? opset >= op->since
              : !*domain_of(n->domain) &&
                    strcmp(text(n->op_type), "Constant") == 0;
}

/* The entry of an operator, made at its first node; `seen` is by the qualified
 * name. */
static struct atm_model_op *op_entry(struct atm_model_summary *s,
                                     struct atm__names *seen, uint32_t *cap,
                                     const struct atm__functions *f,
                                     const Onnx__NodeProto *n)
{
    const char *domain = domain_of(n->domain), *name = text(n->op_type);
    char *key = atm_arena_printf(s->arena, "%s.%s", domain, name);
    struct atm_model_op *op;
    uint32_t k;

    if (!key)
        return NULL;
    k = atm__names_find(seen, key);
    if (k != ATM_NONE)
        return &s->op[k];
    op = atm_arena_grow(s->arena, s->op, cap, s->n_ops + 1, sizeof(*op));
    if (!op || atm__names_add(seen, key, s->n_ops))
        return NULL;
    s->op = op;
    op += s->n_ops++;
    *op = (struct atm_model_op){.domain = atm_arena_strdup(s->arena, domain),
                                .name = atm_arena_strdup(s->arena, name),
                                .supported = supported(f, n, s->info.opset)};
    return op->domain && op->name ? op : NULL;
}

static enum atm_status fill_ops(const Onnx__ModelProto *m,
                                struct atm_model_summary *s)
{
    const Onnx__GraphProto *g = m->graph;
    struct atm__functions functions = {0};
    struct atm__names seen = {0};
    uint32_t cap = 0;
    enum atm_status st;
    size_t i;

    st = atm__functions_read(m, s->arena, &functions);
    if (st == ATM_UNSUPPORTED)
        st = ATM_OK; /* the import tells */
    for (i = 0; i < g->n_node && !st; i++) {
        struct atm_model_op *op =
            op_entry(s, &seen, &cap, &functions, g->node[i]);

        if (op)
            op->count++;
        else
            st = ATM_NOMEM;
    }
    atm__names_clear(&seen);
    atm__names_clear(&functions.index);
    if (!st && s->n_ops > 0)
        qsort(s->op, s->n_ops, sizeof(*s->op), by_name);
    return st;
}

static enum atm_status describe(const char *path, int fd, uint64_t bytes,
                                struct atm_model_summary *s)
{
    struct atm__scan scan = {0};
    ProtobufCMessage *message = NULL;
    const Onnx__ModelProto *m;
    enum atm_status st;

    st = atm__prescan(fd, bytes, path, &onnx__model_proto__descriptor, &scan);
    if (!st)
        st = atm__scan_unpack(&scan, path, &onnx__model_proto__descriptor,
                              &message);
    m = (const Onnx__ModelProto *)message;
    if (!st && (!m->graph || !m->has_ir_version))
        st = atm_fail(ATM_FORMAT, "%s: not an ONNX model", path);
    if (!st) {
        atm__model_info(m, &s->info);
        st = fill_inputs(m->graph, s);
    }
    if (!st)
        st = fill_ops(m, s);
    atm__unpacked_free(message);
    atm__scan_clear(&scan);
    return st;
}

enum atm_status atm_onnx_describe(const char *path,
                                  struct atm_model_summary **summary)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_model_summary *s;
    enum atm_status st = ATM_NOMEM;
    uint64_t bytes;
    int fd;

    *summary = NULL;
    s = arena ? atm_arena_alloc(arena, sizeof(*s)) : NULL;
    if (!s)
        goto err_arena;
    s->arena = arena;
    st = atm__open(path, &fd, &bytes);
    if (st)
        goto err_arena;
    st = describe(path, fd, bytes, s);
    (void)close(fd);
    if (st)
        goto err_arena;
    *summary = s;
    return ATM_OK;

err_arena:
    atm_arena_delete(arena);
    return st;
}

void atm_model_summary_delete(struct atm_model_summary **summary)
{
    if (!*summary)
        return;
    atm_arena_delete((*summary)->arena);
    *summary = NULL;
}
