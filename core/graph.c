/* graph.c - building graphs and reading their constants. */
#include "autotm/graph.h"

#include "arena.h"
#include "checked.h"
#include "rng.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum atm_status atm_graph_new(struct atm_graph **graph)
{
    struct atm_arena *arena = atm_arena_new();
    struct atm_graph *g;

    *graph = NULL;
    if (!arena)
        return ATM_NOMEM;
    g = atm_arena_alloc(arena, sizeof(*g));
    if (!g) {
        atm_arena_delete(arena);
        return ATM_NOMEM;
    }
    g->arena = arena;
    g->name = "";
    *graph = g;
    return ATM_OK;
}

enum atm_status atm_graph_reserve(struct atm_graph *g, uint32_t values,
                                  uint32_t nodes, uint32_t constants)
{
    struct atm_value *v;
    struct atm_node *n;
    struct atm_constant *c;

    if (values > UINT32_MAX - g->n_values || nodes > UINT32_MAX - g->n_nodes ||
        constants > UINT32_MAX - g->n_constants)
        return atm_fail(ATM_CAPACITY, "graph: more than 2^32 values");
    v = atm_arena_grow(g->arena, g->value, &g->cap_values,
                       g->n_values + values, sizeof(*v));
    n = atm_arena_grow(g->arena, g->node, &g->cap_nodes, g->n_nodes + nodes,
                       sizeof(*n));
    c = atm_arena_grow(g->arena, g->constant, &g->cap_constants,
                       g->n_constants + constants, sizeof(*c));
    if (!v || !n || !c)
        return ATM_NOMEM;
    g->value = v;
    g->node = n;
    g->constant = c;
    return ATM_OK;
}

void atm_graph_delete(struct atm_graph **graph)
{
    uint32_t i;

    if (!*graph)
        return;
    for (i = 0; i < (*graph)->n_files; i++)
        if ((*graph)->file_fd[i] >= 0)
            (void)close((*graph)->file_fd[i]);
    atm_arena_delete((*graph)->arena);
    *graph = NULL;
}

void atm_string_free(char *s)
{
    atm_free(s);
}

enum atm_status atm_graph_add_value(struct atm_graph *g, const char *name,
                                    enum atm_dtype dtype,
                                    const struct atm_shape *shape,
                                    uint32_t *id)
{
    struct atm_value *v;

    v = atm_arena_grow(g->arena, g->value, &g->cap_values, g->n_values + 1,
                       sizeof(*v));
    if (!v)
        return ATM_NOMEM;
    g->value = v;
    v += g->n_values;
    memset(v, 0, sizeof(*v));
    v->name = name ? atm_arena_strdup(g->arena, name)
                   : atm_arena_printf(g->arena, "autotm/%" PRIu32,
                                      g->n_values);
    if (!v->name)
        return ATM_NOMEM;
    v->dtype = dtype;
    v->constant = ATM_NONE;
    if (shape) {
        v->shape = *shape;
        v->shape_known = true;
    }
    *id = g->n_values++;
    return ATM_OK;
}

enum atm_status atm_graph_add_constant(struct atm_graph *g,
                                       const struct atm_constant *c,
                                       uint32_t *id)
{
    struct atm_constant *n;

    n = atm_arena_grow(g->arena, g->constant, &g->cap_constants,
                       g->n_constants + 1, sizeof(*n));
    if (!n)
        return ATM_NOMEM;
    g->constant = n;
    n += g->n_constants;
    *n = *c;
    if (c->kind == ATM_CONST_INLINE) {
        n->data = atm_arena_memdup(g->arena, c->data, (size_t)c->bytes);
        if (!n->data)
            return ATM_NOMEM;
    }
    *id = g->n_constants++;
    return ATM_OK;
}

/* Copies an attribute's arrays and strings into the graph's arena. */
static enum atm_status copy_attr(struct atm_graph *g, struct atm_attr *to,
                                 const struct atm_attr *from)
{
    size_t i;

    *to = *from;
    to->name = atm_arena_strdup(g->arena, from->name);
    if (!to->name)
        return ATM_NOMEM;
    if (from->s) {
        to->s = atm_arena_strdup(g->arena, from->s);
        if (!to->s)
            return ATM_NOMEM;
    }
    if (from->ints) {
        to->ints = atm_arena_memdup(g->arena, from->ints,
                                    from->n * sizeof(*from->ints));
        if (!to->ints)
            return ATM_NOMEM;
    }
    if (from->floats) {
        to->floats = atm_arena_memdup(g->arena, from->floats,
                                      from->n * sizeof(*from->floats));
        if (!to->floats)
            return ATM_NOMEM;
    }
    if (from->strings) {
        char **copy = atm_arena_array(g->arena, from->n, sizeof(*copy));

        if (!copy)
            return ATM_NOMEM;
        for (i = 0; i < from->n; i++) {
            copy[i] = atm_arena_strdup(g->arena, from->strings[i]);
            if (!copy[i])
                return ATM_NOMEM;
        }
        to->strings = (const char *const *)copy;
    }
    return ATM_OK;
}

enum atm_status atm_graph_add_node(struct atm_graph *g, const char *name,
                                   const struct atm_op *op, int opset,
                                   uint32_t n_in, const uint32_t *in,
                                   uint32_t n_out, const uint32_t *out,
                                   uint32_t n_attr, const struct atm_attr *attr,
                                   uint32_t *id)
{
    struct atm_node *n;
    enum atm_status st;
    uint32_t i;

    n = atm_arena_grow(g->arena, g->node, &g->cap_nodes, g->n_nodes + 1,
                       sizeof(*n));
    if (!n)
        return ATM_NOMEM;
    g->node = n;
    n += g->n_nodes;
    memset(n, 0, sizeof(*n));
    n->name = atm_arena_strdup(g->arena, name ? name : "");
    n->in = atm_arena_memdup(g->arena, in, n_in * sizeof(*in));
    n->out = atm_arena_memdup(g->arena, out, n_out * sizeof(*out));
    n->attr = atm_arena_array(g->arena, n_attr, sizeof(*n->attr));
    if (!n->name || !n->in || !n->out || !n->attr)
        return ATM_NOMEM;
    for (i = 0; i < n_attr; i++) {
        st = copy_attr(g, &n->attr[i], &attr[i]);
        if (st)
            return st;
    }
    n->op = op;
    n->opset = opset;
    n->n_in = n_in;
    n->n_out = n_out;
    n->n_attr = n_attr;
    if (id)
        *id = g->n_nodes;
    g->n_nodes++;
    return ATM_OK;
}

static enum atm_status append(struct atm_graph *g, uint32_t **list,
                              uint32_t *n, uint32_t *cap, uint32_t value)
{
    uint32_t *bigger = atm_arena_grow(g->arena, *list, cap, *n + 1,
                                      sizeof(**list));

    if (!bigger)
        return ATM_NOMEM;
    *list = bigger;
    bigger[(*n)++] = value;
    return ATM_OK;
}

enum atm_status atm_graph_add_input(struct atm_graph *g, uint32_t value)
{
    return append(g, &g->input, &g->n_inputs, &g->cap_inputs, value);
}

enum atm_status atm_graph_add_output(struct atm_graph *g, uint32_t value)
{
    return append(g, &g->output, &g->n_outputs, &g->cap_outputs, value);
}

enum atm_status atm_graph_add_overridable(struct atm_graph *g, uint32_t value)
{
    return append(g, &g->overridable, &g->n_overridable, &g->cap_overridable,
                  value);
}

enum atm_status atm_graph_add_file(struct atm_graph *g, const char *path,
                                   int fd, uint32_t *id)
{
    uint32_t cap = g->cap_files;
    const char **file;
    char *copy;
    int *fds;

    copy = atm_arena_strdup(g->arena, path);
    file = atm_arena_grow(g->arena, g->file, &cap, g->n_files + 1,
                          sizeof(*file));
    fds = atm_arena_grow(g->arena, g->file_fd, &g->cap_files, g->n_files + 1,
                         sizeof(*fds));
    if (!copy || !file || !fds) {
        if (fd >= 0)
            (void)close(fd);
        return ATM_NOMEM;
    }
    g->file = file;
    g->file_fd = fds;
    g->file[g->n_files] = copy;
    g->file_fd[g->n_files] = fd;
    *id = g->n_files++;
    return ATM_OK;
}

const struct atm_attr *atm_node_attr(const struct atm_node *n,
                                     const char *name)
{
    uint32_t i;

    for (i = 0; i < n->n_attr; i++)
        if (strcmp(n->attr[i].name, name) == 0)
            return &n->attr[i];
    return NULL;
}

int64_t atm_node_int(const struct atm_node *n, const char *name, int64_t dflt)
{
    const struct atm_attr *a = atm_node_attr(n, name);

    return a && a->kind == ATM_ATTR_INT ? a->i : dflt;
}

float atm_node_float(const struct atm_node *n, const char *name, float dflt)
{
    const struct atm_attr *a = atm_node_attr(n, name);

    return a && a->kind == ATM_ATTR_FLOAT ? a->f : dflt;
}

const char *atm_node_string(const struct atm_node *n, const char *name,
                            const char *dflt)
{
    const struct atm_attr *a = atm_node_attr(n, name);

    return a && a->kind == ATM_ATTR_STRING ? a->s : dflt;
}

static enum atm_status read_file(const struct atm_graph *g,
                                 const struct atm_constant *c,
                                 uint64_t offset, uint64_t bytes, char *dst)
{
    uint64_t at = c->offset + offset;
    const char *path = g->file[c->file];

    while (bytes > 0) {
        size_t want = bytes > (1u << 30) ? 1u << 30 : (size_t)bytes;
        ssize_t n = pread(g->file_fd[c->file], dst, want, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return atm_fail(ATM_IO, "%s: offset %" PRIu64 ": %s", path, at,
                            strerror(errno));
        if (n == 0)
            return atm_fail(ATM_IO, "%s: ends at offset %" PRIu64
                            ", %" PRIu64 " bytes of weights are missing",
                            path, at, bytes);
        dst += n;
        at += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return ATM_OK;
}

/* Generated tensors are float; unaligned ends are cut from whole elements. */
static void read_generated(const struct atm_constant *c, uint64_t offset,
                           uint64_t bytes, char *dst)
{
    float block[256];
    uint64_t i = offset / 4, skip = offset % 4;

    while (bytes > 0) {
        uint64_t n = (skip + bytes + 3) / 4, k, take;

        if (n > 256)
            n = 256;
        if (c->stddev > 0)
            atm_rng_normal(c->seed, i, n, block);
        for (k = 0; k < n; k++)
            block[k] = c->stddev > 0
                           ? (float)(c->mean + c->stddev * block[k])
                           : (float)c->mean;
        take = n * 4 - skip < bytes ? n * 4 - skip : bytes;
        memcpy(dst, (const char *)block + skip, (size_t)take);
        dst += take;
        bytes -= take;
        i += n;
        skip = 0;
    }
}

static enum atm_status read_constant(const struct atm_graph *g,
                                     const struct atm_constant *c,
                                     uint64_t row_bytes, uint64_t offset,
                                     uint64_t bytes, void *dst)
{
    enum atm_status st;
    float *f = dst;
    uint64_t i;

    switch (c->kind) {
    case ATM_CONST_FILE:
        return read_file(g, c, offset, bytes, dst);
    case ATM_CONST_INLINE:
        if (bytes > 0)
            memcpy(dst, (const char *)c->data + offset, (size_t)bytes);
        return ATM_OK;
    case ATM_CONST_GENERATED:
        read_generated(c, offset, bytes, dst);
        return ATM_OK;
    case ATM_CONST_ROW_SCALE:
        if (offset % 4 || bytes % 4 || row_bytes == 0)
            return atm_fail(ATM_INVAL, "a scaled constant is read by floats");
        st = read_constant(g, &g->constant[c->source], 0, offset, bytes, dst);
        if (st)
            return st;
        for (i = 0; i < bytes / 4; i++)
            f[i] *= c->scale[(offset + 4 * i) / row_bytes];
        return ATM_OK;
    }
    return atm_fail(ATM_INTERNAL, "constant of an unknown kind");
}

enum atm_status atm_constant_read(const struct atm_graph *g, uint32_t value,
                                  uint64_t offset, uint64_t bytes, void *dst)
{
    const struct atm_value *v = &g->value[value];
    const struct atm_constant *c;
    uint64_t rows;

    if (v->constant == ATM_NONE)
        return atm_fail(ATM_INVAL, "value %s is no constant", v->name);
    c = &g->constant[v->constant];
    if (offset > c->bytes || bytes > c->bytes - offset)
        return atm_fail(ATM_INVAL, "constant %s: read beyond its end",
                        v->name);
    rows = v->shape.rank ? (uint64_t)v->shape.dim[0] : 1;
    return read_constant(g, c, rows ? c->bytes / rows : 0, offset, bytes, dst);
}
