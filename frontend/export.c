/* export.c - a graph as an ONNX file.
 *
 * protobuf writes a length before each message, so the model is built in
 * memory without the bytes of its initialisers; where they belong is a list of
 * holes, whose sizes are known. The file is then written from front to back,
 * each hole filled block by block from the constant. A model that would be too
 * long for protobuf has its weights in a second file, MODEL.data. */
#include "autotm/frontend.h"

#include "arena.h"
#include "autotm/op.h"
#include "checked.h"
#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX INT32_MAX /* protobuf reads no longer message */
#define BLOCK (1u << 20)

enum wire { VARINT = 0, BYTES = 2, FIXED32 = 5 };

struct buffer {
    uint8_t *data;
    size_t bytes, cap;
    bool failed; /* out of memory: looked at once, at the end */
};

struct hole {
    size_t at; /* in the graph's buffer, or in the file of weights */
    uint32_t value;
    uint64_t bytes;
};

struct exporter {
    const struct atm_graph *g;
    struct buffer graph;
    struct hole *hole;
    uint32_t n_holes;
    uint64_t hole_bytes;
    const char *data_name; /* of the file beside it that holds the weights;
                              null: they lie in the model */
};

static void put(struct buffer *b, const void *p, size_t bytes)
{
    if (b->cap - b->bytes < bytes && !b->failed) {
        size_t cap = b->cap ? b->cap : 256;
        uint8_t *data;

        while (cap - b->bytes < bytes)
            cap *= 2;
        data = atm_realloc(b->data, cap);
        b->failed = !data;
        b->data = data ? data : b->data;
        b->cap = data ? cap : b->cap;
    }
    if (b->failed || bytes == 0)
        return;
    memcpy(b->data + b->bytes, p, bytes);
    b->bytes += bytes;
}

static void put_varint(struct buffer *b, uint64_t v)
{
    uint8_t byte[10];
    size_t n = 0;

    for (; v > 0x7f; v >>= 7)
        byte[n++] = (uint8_t)(v | 0x80);
    byte[n++] = (uint8_t)v;
    put(b, byte, n);
}

static void put_int(struct buffer *b, uint32_t field, int64_t v)
{
    put_varint(b, field << 3 | VARINT);
    put_varint(b, (uint64_t)v);
}

static void put_float(struct buffer *b, uint32_t field, float v)
{
    put_varint(b, field << 3 | FIXED32);
    put(b, &v, sizeof(v));
}

static void put_bytes(struct buffer *b, uint32_t field, const void *p,
                      size_t bytes)
{
    put_varint(b, field << 3 | BYTES);
    put_varint(b, bytes);
    put(b, p, bytes);
}

static void put_string(struct buffer *b, uint32_t field, const char *s)
{
    put_bytes(b, field, s, strlen(s));
}

/* Takes the sub-message's buffer. */
static void put_message(struct buffer *b, uint32_t field, struct buffer *sub)
{
    put_bytes(b, field, sub->data, sub->bytes);
    b->failed |= sub->failed;
    atm_free(sub->data);
    memset(sub, 0, sizeof(*sub));
}

/* All of a TensorProto but its data. */
static void put_tensor_head(struct buffer *b, const struct atm_value *v,
                            const char *name)
{
    uint32_t i;

    for (i = 0; i < v->shape.rank; i++)
        put_int(b, 1, v->shape.dim[i]);
    put_int(b, 2, atm_dtype_to_onnx(v->dtype));
    if (name)
        put_string(b, 8, name);
}

#define DATA_ALIGN 64

static void put_entry(struct buffer *tensor, const char *key, const char *value)
{
    struct buffer entry = {0};

    put_string(&entry, 1, key);
    put_string(&entry, 2, value);
    put_message(tensor, 13, &entry);
}

/* The tensor's place in the file of weights. */
static void put_external(struct exporter *e, uint32_t value)
{
    const struct atm_value *v = &e->g->value[value];
    uint64_t bytes = e->g->constant[v->constant].bytes;
    struct buffer tensor = {0};
    char number[24];

    e->hole_bytes += (DATA_ALIGN - e->hole_bytes % DATA_ALIGN) % DATA_ALIGN;
    put_tensor_head(&tensor, v, v->name);
    put_entry(&tensor, "location", e->data_name);
    (void)snprintf(number, sizeof(number), "%" PRIu64, e->hole_bytes);
    put_entry(&tensor, "offset", number);
    (void)snprintf(number, sizeof(number), "%" PRIu64, bytes);
    put_entry(&tensor, "length", number);
    put_int(&tensor, 14, 1); /* data_location: EXTERNAL */
    put_message(&e->graph, 5, &tensor);
    e->hole[e->n_holes++] = (struct hole){e->hole_bytes, value, bytes};
    e->hole_bytes += bytes;
}

/* What may decide a shape stays beside the nodes: others infer shapes without
 * reading external data. */
#define SMALL_BYTES 1024

static void put_small(struct exporter *e, uint32_t value)
{
    const struct atm_value *v = &e->g->value[value];
    const struct atm_constant *c = &e->g->constant[v->constant];
    struct buffer tensor = {0};

    put_tensor_head(&tensor, v, v->name);
    put_bytes(&tensor, 9, c->data, (size_t)c->bytes);
    put_message(&e->graph, 5, &tensor);
}

static enum atm_status put_initialiser(struct exporter *e, uint32_t value)
{
    const struct atm_value *v = &e->g->value[value];
    const struct atm_constant *c = &e->g->constant[v->constant];
    uint64_t bytes = c->bytes;
    struct buffer head = {0}, tail = {0};

    if (e->data_name && c->kind == ATM_CONST_INLINE && bytes <= SMALL_BYTES) {
        put_small(e, value);
        return ATM_OK;
    }
    if (e->data_name) {
        put_external(e, value);
        return ATM_OK;
    }
    put_tensor_head(&head, v, v->name);
    put_varint(&tail, 9 << 3 | BYTES);
    put_varint(&tail, bytes);
    put_varint(&e->graph, 5 << 3 | BYTES);
    put_varint(&e->graph, head.bytes + tail.bytes + bytes);
    put(&e->graph, head.data, head.bytes);
    put(&e->graph, tail.data, tail.bytes);
    e->graph.failed |= head.failed | tail.failed;
    atm_free(head.data);
    atm_free(tail.data);
    e->hole[e->n_holes++] = (struct hole){e->graph.bytes, value, bytes};
    if (!atm_add_u64(e->hole_bytes, bytes, &e->hole_bytes) ||
        e->hole_bytes + e->graph.bytes > MESSAGE_MAX)
        return atm_fail(ATM_UNSUPPORTED, "a model of more than 2 GiB cannot "
                                         "be one ONNX file");
    return ATM_OK;
}

static void put_value_info(struct buffer *b, uint32_t field,
                           const struct atm_value *v)
{
    struct buffer info = {0}, type = {0}, tensor = {0}, shape = {0}, dim = {0};
    uint32_t i;

    for (i = 0; i < v->shape.rank; i++) {
        put_int(&dim, 1, v->shape.dim[i]);
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, atm_dtype_to_onnx(v->dtype));
    put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_string(&info, 1, v->name);
    put_message(&info, 2, &type);
    put_message(b, field, &info);
}

static enum atm_status put_attr_tensor(const struct exporter *e,
                                       struct buffer *b, uint32_t value)
{
    const struct atm_value *v = &e->g->value[value];
    uint64_t bytes = e->g->constant[v->constant].bytes;
    struct buffer tensor = {0};
    enum atm_status st;
    void *data;

    if (bytes > MESSAGE_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "a tensor attribute of %" PRIu64 " bytes", bytes);
    data = atm_alloc((size_t)bytes);
    if (!data)
        return ATM_NOMEM;
    st = atm_constant_read(e->g, value, 0, bytes, data);
    put_tensor_head(&tensor, v, NULL);
    put_bytes(&tensor, 9, data, (size_t)bytes);
    put_message(b, 5, &tensor);
    atm_free(data);
    return st;
}

static enum atm_status put_attr(const struct exporter *e, struct buffer *node,
                                const struct atm_attr *a)
{
    static const int type[] = {
        [ATM_ATTR_INT] = 2,   [ATM_ATTR_FLOAT] = 1,  [ATM_ATTR_STRING] = 3,
        [ATM_ATTR_INTS] = 7,  [ATM_ATTR_FLOATS] = 6, [ATM_ATTR_STRINGS] = 8,
        [ATM_ATTR_TENSOR] = 4};
    struct buffer b = {0};
    enum atm_status st = ATM_OK;
    size_t i;

    put_string(&b, 1, a->name);
    put_int(&b, 20, type[a->kind]);
    switch (a->kind) {
    case ATM_ATTR_INT:
        put_int(&b, 3, a->i);
        break;
    case ATM_ATTR_FLOAT:
        put_float(&b, 2, a->f);
        break;
    case ATM_ATTR_STRING:
        put_string(&b, 4, a->s);
        break;
    case ATM_ATTR_INTS:
        for (i = 0; i < a->n; i++)
            put_int(&b, 8, a->ints[i]);
        break;
    case ATM_ATTR_FLOATS:
        for (i = 0; i < a->n; i++)
            put_float(&b, 7, a->floats[i]);
        break;
    case ATM_ATTR_STRINGS:
        for (i = 0; i < a->n; i++)
            put_string(&b, 9, a->strings[i]);
        break;
    case ATM_ATTR_TENSOR:
        st = put_attr_tensor(e, &b, a->value);
        break;
    }
    put_message(node, 5, &b);
    return st;
}

static enum atm_status put_node(struct exporter *e, const struct atm_node *n)
{
    struct buffer b = {0};
    enum atm_status st = ATM_OK;
    uint32_t i;

    if (n->n_post > 0)
        return atm_fail(ATM_INVAL,
                        "node \"%s\" is fused; a graph is exported "
                        "before fusion",
                        n->name);
    for (i = 0; i < n->n_in; i++)
        put_string(&b, 1,
                   n->in[i] == ATM_NONE ? "" : e->g->value[n->in[i]].name);
    for (i = 0; i < n->n_out; i++)
        put_string(&b, 2,
                   n->out[i] == ATM_NONE ? "" : e->g->value[n->out[i]].name);
    if (*n->name)
        put_string(&b, 3, n->name);
    put_string(&b, 4, n->op->name);
    for (i = 0; !st && i < n->n_attr; i++)
        st = put_attr(e, &b, &n->attr[i]);
    put_message(&e->graph, 1, &b);
    return st;
}

/* Constants that nodes or outputs name; an attribute's tensor is written with
 * its node. */
static enum atm_status put_graph(struct exporter *e)
{
    const struct atm_graph *g = e->g;
    enum atm_status st = ATM_OK;
    bool *used = atm_alloc_array(g->n_values, sizeof(*used));
    uint32_t i, k;

    if (!used)
        return ATM_NOMEM;
    for (i = 0; !st && i < g->n_nodes; i++) {
        st = put_node(e, &g->node[i]);
        for (k = 0; k < g->node[i].n_in; k++)
            if (g->node[i].in[k] != ATM_NONE)
                used[g->node[i].in[k]] = true;
    }
    for (i = 0; i < g->n_overridable; i++)
        used[g->overridable[i]] = true;
    put_string(&e->graph, 2, *g->name ? g->name : "graph");
    for (i = 0; !st && i < g->n_values; i++)
        if (used[i] && g->value[i].constant != ATM_NONE)
            st = put_initialiser(e, i);
    for (i = 0; i < g->n_inputs; i++)
        put_value_info(&e->graph, 11, &g->value[g->input[i]]);
    for (i = 0; i < g->n_overridable; i++)
        put_value_info(&e->graph, 11, &g->value[g->overridable[i]]);
    for (i = 0; i < g->n_outputs; i++)
        put_value_info(&e->graph, 12, &g->value[g->output[i]]);
    atm_free(used);
    return st;
}

static enum atm_status write_hole(const struct exporter *e, struct atm_file *f,
                                  const struct hole *h, void *block)
{
    enum atm_status st = ATM_OK;
    uint64_t at, n;

    for (at = 0; !st && at < h->bytes; at += n) {
        n = h->bytes - at < BLOCK ? h->bytes - at : BLOCK;
        st = atm_constant_read(e->g, h->value, at, n, block);
        if (!st)
            st = atm_file_write(f, block, (size_t)n);
    }
    return st;
}

static enum atm_status write_model(const struct exporter *e, struct atm_file *f,
                                   int opset)
{
    struct buffer head = {0}, tail = {0}, set = {0};
    enum atm_status st;
    size_t at = 0;
    uint32_t i;
    void *block = atm_alloc(BLOCK);

    put_int(&head, 1, opset > 14 ? 8 : 7);
    put_string(&head, 2, "autotm");
    put_varint(&head, 7 << 3 | BYTES);
    put_varint(&head, e->graph.bytes + (e->data_name ? 0 : e->hole_bytes));
    put_string(&set, 1, "");
    put_int(&set, 2, opset);
    put_message(&tail, 8, &set);
    st = !block || head.failed || tail.failed || e->graph.failed
             ? ATM_NOMEM
             : atm_file_write(f, head.data, head.bytes);
    for (i = 0; !st && !e->data_name && i < e->n_holes; i++) {
        st = atm_file_write(f, e->graph.data + at, e->hole[i].at - at);
        at = e->hole[i].at;
        if (!st)
            st = write_hole(e, f, &e->hole[i], block);
    }
    if (!st)
        st = atm_file_write(f, e->graph.data + at, e->graph.bytes - at);
    if (!st)
        st = atm_file_write(f, tail.data, tail.bytes);
    atm_free(block);
    atm_free(head.data);
    atm_free(tail.data);
    return st;
}

static enum atm_status write_data(const struct exporter *e, struct atm_file *f)
{
    static const uint8_t zeros[DATA_ALIGN];
    void *block = atm_alloc(BLOCK);
    enum atm_status st = block ? ATM_OK : ATM_NOMEM;
    uint64_t at = 0;
    uint32_t i;

    for (i = 0; !st && i < e->n_holes; i++) {
        st = atm_file_write(f, zeros, (size_t)(e->hole[i].at - at));
        if (!st)
            st = write_hole(e, f, &e->hole[i], block);
        at = e->hole[i].at + e->hole[i].bytes;
    }
    atm_free(block);
    return st;
}

/* Whatever `write` writes, or nothing. */
static enum atm_status write_file(const struct exporter *e, const char *path,
                                  bool force, int opset)
{
    struct atm_file file;
    enum atm_status st = atm_file_create(path, force, &file);

    if (st)
        return st;
    st = opset ? write_model(e, &file, opset) : write_data(e, &file);
    if (st) {
        atm_file_abort(&file);
        return st;
    }
    return atm_file_commit(&file);
}

/* The weights first, so that a model never names a file that is not there. */
static enum atm_status write_beside(const struct exporter *e, const char *path,
                                    bool force)
{
    size_t n = strlen(path) + sizeof(".data");
    char *data = atm_alloc(n);
    enum atm_status st;

    if (!data)
        return ATM_NOMEM;
    (void)snprintf(data, n, "%s.data", path);
    st = write_file(e, data, force, 0);
    atm_free(data);
    return st;
}

/* Bytes of the constants: more than fit into one file beside its nodes? */
static bool too_long(const struct atm_graph *g)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < g->n_values; i++)
        if (g->value[i].constant != ATM_NONE &&
            !atm_add_u64(sum, g->constant[g->value[i].constant].bytes, &sum))
            return true;
    return sum > MESSAGE_MAX - (16u << 20);
}

enum atm_status atm_onnx_export(const struct atm_graph *g, const char *path,
                                bool force)
{
    struct exporter e = {.g = g};
    const char *base = strrchr(path, '/');
    char *data_name = NULL;
    int opset = g->n_nodes ? g->node[0].opset : 13;
    enum atm_status st;
    uint32_t i;

    base = base ? base + 1 : path;
    for (i = 0; i < g->n_nodes; i++)
        if (g->node[i].opset != opset)
            return atm_fail(ATM_INVAL,
                            "nodes of opset %d and of opset %d in "
                            "one graph",
                            opset, g->node[i].opset);
    e.hole = atm_alloc_array(g->n_values, sizeof(*e.hole));
    data_name = atm_alloc(strlen(base) + sizeof(".data"));
    st = e.hole && data_name ? ATM_OK : ATM_NOMEM;
    if (!st && too_long(g)) {
        (void)snprintf(data_name, strlen(base) + sizeof(".data"), "%s.data",
                       base);
        e.data_name = data_name;
    }
    if (!st)
        st = put_graph(&e);
    if (!st && e.data_name)
        st = write_beside(&e, path, force);
    if (!st)
        st = write_file(&e, path, force, opset);
    atm_free(e.graph.data);
    atm_free(e.hole);
    atm_free(data_name);
    return st;
}
