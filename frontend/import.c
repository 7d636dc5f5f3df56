/* import.c - an ONNX file becomes a graph: open, scan, unpack, check the
 * model's frame, values, nodes, inference. */
#include "import.h"

#include "arena.h"
#include "autotm/op.h"
#include "hash.h"
#include "passes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IR_MAX 14

void atm__unsupported(struct atm__importer *im, const char *fmt, ...)
{
    static const char more[] = ", ...";
    size_t cap = sizeof(im->unsupported) - sizeof(more);
    size_t have = strlen(im->unsupported), n;
    char item[240], *at;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(item, sizeof(item), fmt, ap);
    va_end(ap);
    n = strlen(item);
    for (at = im->unsupported; (at = strstr(at, item)) != NULL; at += n)
        if (at[n] == ',' || at[n] == '\0')
            return;
    if (have + 2 + n < cap)
        (void)snprintf(im->unsupported + have, cap - have, "%s%s",
                       have ? ", " : "", item);
    else if (have < 3 || strcmp(im->unsupported + have - 3, "...") != 0)
        memcpy(im->unsupported + have, more, sizeof(more));
}

/* Whether a node of the graph is of the default domain. */
static bool uses_onnx(const Onnx__GraphProto *g)
{
    size_t i;

    for (i = 0; i < g->n_node; i++) {
        const char *domain = g->node[i]->domain ? g->node[i]->domain : "";

        if (!*domain || strcmp(domain, "ai.onnx") == 0)
            return true;
    }
    return false;
}

/* Only the default domain is imported; others matter if a node uses them. */
static enum atm_status read_opset(struct atm__importer *im)
{
    const Onnx__ModelProto *m = im->model;
    bool found = false;
    int64_t version = 1; /* before IR 3 there is no opset_import */
    size_t i, k;

    if (m->n_opset_import > 100)
        return atm_fail(ATM_FORMAT, "%zu opsets are imported",
                        m->n_opset_import);
    for (i = 0; i < m->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = m->opset_import[i];
        const char *domain = o->domain ? o->domain : "";

        for (k = 0; k < i; k++)
            if (strcmp(domain, m->opset_import[k]->domain
                                   ? m->opset_import[k]->domain
                                   : "") == 0)
                return atm_fail(ATM_FORMAT,
                                "opset_import names domain \"%s\" "
                                "twice",
                                domain);
        if (strcmp(domain, "") == 0 || strcmp(domain, "ai.onnx") == 0) {
            if (found)
                return atm_fail(ATM_FORMAT, "opset_import names ai.onnx twice");
            found = true;
            version = o->version;
        }
    }
    if (!found && m->ir_version >= 3 && uses_onnx(m->graph))
        atm__unsupported(im, "a model without an opset of ai.onnx");
    else if (version < 1 || version > ATM__OPSET_MAX)
        atm__unsupported(im, "opset %" PRId64 " (1 to %d are)", version,
                         ATM__OPSET_MAX);
    im->opset =
        version < 1 || version > ATM__OPSET_MAX ? ATM__OPSET_MAX : (int)version;
    return ATM_OK;
}

static enum atm_status check_model(struct atm__importer *im)
{
    const Onnx__ModelProto *m = im->model;
    enum atm_status st;

    if (!m->graph)
        return atm_fail(ATM_FORMAT, "no graph inside; not an ONNX model");
    if (!m->has_ir_version || m->ir_version < 1)
        return atm_fail(ATM_FORMAT, "no IR version; not an ONNX model");
    if (m->ir_version > IR_MAX)
        atm__unsupported(im, "IR version %" PRId64 " (1 to %d are)",
                         m->ir_version, IR_MAX);
    if (m->graph->n_sparse_initializer > 0)
        atm__unsupported(im, "sparse initialisers");
    if (m->graph->name) {
        im->g->name = atm_arena_strdup(im->g->arena, m->graph->name);
        if (!im->g->name)
            return ATM_NOMEM;
    }
    st = atm__functions_read(m, im->g->arena, &im->functions);
    if (st == ATM_UNSUPPORTED)
        atm__unsupported(im, "%s", atm_errmsg());
    return st && st != ATM_UNSUPPORTED ? st : read_opset(im);
}

static enum atm_status hash_file(struct atm__importer *im, int fd)
{
    enum { BLOCK = 1 << 20 };
    enum atm_status st = ATM_OK;
    uint64_t at = 0, n;
    void *buf =
        atm_alloc(im->file_bytes < BLOCK ? (size_t)im->file_bytes : BLOCK);

    if (!buf)
        return ATM_NOMEM;
    for (; !st && at < im->file_bytes; at += n) {
        n = im->file_bytes - at < BLOCK ? im->file_bytes - at : BLOCK;
        st = atm__pread(fd, im->path, at, n, buf);
        if (!st)
            atm_hasher_bytes(im->hash, buf, (size_t)n);
    }
    atm_free(buf);
    return st;
}

/* What the caller binds is part of the model's identity: the shapes that come
 * of it, however they were said, and the values. */
static void hash_bindings(struct atm__importer *im)
{
    const struct atm_import_options *o = im->options;
    const struct atm_graph *g = im->g;
    uint32_t i, d;

    for (i = 0; i < g->n_inputs; i++) {
        const struct atm_shape *s = &g->value[g->input[i]].shape;

        atm_hasher_u64(im->hash, s->rank);
        for (d = 0; d < s->rank; d++)
            atm_hasher_u64(im->hash, (uint64_t)s->dim[d]);
    }
    for (i = 0; i < o->n_values; i++) {
        atm_hasher_str(im->hash, o->value[i].input);
        atm_hasher_bytes(im->hash, o->value[i].array->data,
                         (size_t)o->value[i].array->bytes);
    }
    im->g->model_hash = atm_hasher_end(im->hash);
}

static enum atm_status open_model(struct atm__importer *im)
{
    enum atm_status st;
    char *real;
    int fd;

    st = atm__open(im->path, &fd, &im->file_bytes);
    if (st)
        return st;
    real = realpath(im->path, NULL);
    st = atm_graph_add_file(im->g, real ? real : im->path, fd, &im->file);
    free(real);
    return st ? st : hash_file(im, fd);
}

/* What the model's lists will become, so that it is allocated once. */
static enum atm_status reserve(struct atm__importer *im)
{
    const Onnx__GraphProto *graph = im->model->graph;
    uint64_t values = graph->n_input + graph->n_initializer;
    uint64_t constants = graph->n_initializer;
    size_t i;

    for (i = 0; i < graph->n_node; i++) {
        values += graph->node[i]->n_output;
        constants += graph->node[i]->n_input == 0;
    }
    if (values > UINT32_MAX)
        return atm_fail(ATM_FORMAT, "more than 2^32 values");
    return atm_graph_reserve(im->g, (uint32_t)values, (uint32_t)graph->n_node,
                             (uint32_t)constants);
}

static enum atm_status build(struct atm__importer *im)
{
    enum atm_status st;

    st = check_model(im);
    if (!st)
        st = reserve(im);
    if (!st)
        st = atm__import_values(im);
    if (!st)
        st = atm__import_nodes(im);
    if (!st)
        st = atm__import_outputs(im);
    if (!st && *im->unsupported)
        st = atm_fail(ATM_UNSUPPORTED, "not supported: %s", im->unsupported);
    if (!st)
        st = atm__settle_values(im);
    if (!st)
        st = atm__infer(im);
    if (!st)
        st = atm__rewrite(im->g);
    return st ? atm_fail_in(st, "%s", im->path) : ATM_OK;
}

enum atm_status atm_onnx_import(const char *path,
                                const struct atm_import_options *options,
                                struct atm_model_info *info,
                                struct atm_graph **graph)
{
    static const struct atm_import_options none;
    struct atm__importer im = {.path = path,
                               .options = options ? options : &none};
    ProtobufCMessage *message = NULL;
    enum atm_status st;

    *graph = NULL;
    st = atm_hasher_new(&im.hash);
    if (!st)
        st = atm_graph_new(&im.g);
    if (!st)
        st = open_model(&im);
    if (!st)
        st = atm__prescan(im.g->file_fd[im.file], im.file_bytes, path,
                          &onnx__model_proto__descriptor, &im.scan);
    if (!st)
        st = atm__scan_unpack(&im.scan, path, &onnx__model_proto__descriptor,
                              &message);
    atm__scan_release(&im.scan);
    if (!st) {
        im.model = (const Onnx__ModelProto *)message;
        st = build(&im);
    }
    if (!st) /* what no single step sees: a body that gives its own result */
        st = atm_graph_check(im.g);
    if (!st) {
        hash_bindings(&im);
        if (info)
            atm__model_info(im.model, info);
        *graph = im.g;
        im.g = NULL;
    }
    atm__unpacked_free(message);
    atm__scan_clear(&im.scan);
    atm__names_clear(&im.values);
    atm__names_clear(&im.externals);
    atm__names_clear(&im.dims);
    atm__names_clear(&im.functions.index);
    atm_graph_delete(&im.g);
    atm_hasher_delete(&im.hash);
    return st;
}
