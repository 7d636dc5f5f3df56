/* describe.c - what a model's file says of itself, before anything is bound or
 * judged: inputs, operators, sizes. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void fill_info(const Onnx__ModelProto *m, struct atm_model_info *info)
{
    struct atm_shape shape;
    enum atm_dtype dtype;
    uint64_t bytes;
    size_t i;

    (void)snprintf(info->producer, sizeof(info->producer), "%s%s%s",
                   text(m->producer_name),
                   *text(m->producer_version) ? " " : "",
                   text(m->producer_version));
    info->ir_version = m->ir_version;
    info->opset = opset_of(m);
    info->n_nodes = (uint32_t)m->graph->n_node;
    info->n_initialisers = (uint32_t)m->graph->n_initializer;
    for (i = 0; i < m->graph->n_initializer; i++)
        if (!atm__tensor_type(m->graph->initializer[i], &dtype, &shape,
                              &bytes))
            info->initialiser_bytes += bytes;
}

static bool initialised(const Onnx__GraphProto *g, const char *name)
{
    size_t i;

    for (i = 0; i < g->n_initializer; i++)
        if (strcmp(text(g->initializer[i]->name), name) == 0)
            return true;
    return false;
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
    enum atm_status st = ATM_OK;
    size_t i;

    s->input = atm_arena_array(s->arena, g->n_input, sizeof(*s->input));
    if (!s->input)
        return ATM_NOMEM;
    for (i = 0; i < g->n_input && !st; i++) {
        const Onnx__ValueInfoProto *v = g->input[i];
        struct atm_model_input *in = &s->input[s->n_inputs++];
        const Onnx__TypeProto__Tensor *t =
            v->type && v->type->value_case ==
                           ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
                ? v->type->tensor_type
                : NULL;
        enum atm_dtype dtype = t ? atm_dtype_from_onnx(t->elem_type)
                                 : ATM_DTYPE_NONE;

        in->name = atm_arena_strdup(s->arena, text(v->name));
        if (!in->name)
            return ATM_NOMEM;
        in->dtype = dtype == ATM_DTYPE_NONE ? "?" : atm_dtype_name(dtype);
        in->initialised = initialised(g, in->name);
        if (t && t->shape)
            st = fill_dims(s->arena, t->shape, in);
    }
    return st;
}

static int by_name(const void *a, const void *b)
{
    const struct atm_model_op *x = a, *y = b;
    int order = strcmp(x->domain, y->domain);

    return order ? order : strcmp(x->name, y->name);
}

static bool supported(const char *domain, const char *name, int64_t opset)
{
    const struct atm_op *op = atm_op_find(domain, name);

    return op ? opset >= op->since
              : !*domain && strcmp(name, "Constant") == 0;
}

static enum atm_status fill_ops(const Onnx__GraphProto *g,
                                struct atm_model_summary *s)
{
    uint32_t cap = 0, k;
    size_t i;

    for (i = 0; i < g->n_node; i++) {
        const char *domain = domain_of(g->node[i]->domain);
        const char *name = text(g->node[i]->op_type);

        for (k = 0; k < s->n_ops; k++)
            if (strcmp(s->op[k].domain, domain) == 0 &&
                strcmp(s->op[k].name, name) == 0)
                break;
        if (k == s->n_ops) {
            s->op = atm_arena_grow(s->arena, s->op, &cap, k + 1,
                                   sizeof(*s->op));
            if (!s->op)
                return ATM_NOMEM;
            s->op[k].domain = atm_arena_strdup(s->arena, domain);
            s->op[k].name = atm_arena_strdup(s->arena, name);
            if (!s->op[k].domain || !s->op[k].name)
                return ATM_NOMEM;
            s->op[k].count = 0;
            s->op[k].supported = supported(domain, name, s->info.opset);
            s->n_ops++;
        }
        s->op[k].count++;
    }
    if (s->n_ops > 0)
        qsort(s->op, s->n_ops, sizeof(*s->op), by_name);
    return ATM_OK;
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
        fill_info(m, &s->info);
        st = fill_inputs(m->graph, s);
    }
    if (!st)
        st = fill_ops(m->graph, s);
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
    struct stat sb;
    int fd;

    *summary = NULL;
    s = arena ? atm_arena_alloc(arena, sizeof(*s)) : NULL;
    if (!s)
        goto err_arena;
    s->arena = arena;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        st = atm_fail(ATM_IO, "%s: %s", path, strerror(errno));
        goto err_arena;
    }
    if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode))
        st = atm_fail(ATM_IO, "%s: not a regular file", path);
    else if (sb.st_size == 0)
        st = atm_fail(ATM_FORMAT, "%s: byte 0: the file is empty", path);
    else
        st = describe(path, fd, (uint64_t)sb.st_size, s);
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
