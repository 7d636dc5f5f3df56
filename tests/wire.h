/* wire.h - protobuf messages by hand, for tests that need ONNX files which no
 * exporter would write. Buffers are fixed: a test's model is small. */
#ifndef ATM_TEST_WIRE_H
#define ATM_TEST_WIRE_H

#include <stdint.h>
#include <string.h>

struct wire {
    size_t n;
    uint8_t b[8192];
};

static inline void wire_varint(struct wire *w, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        w->b[w->n++] = (uint8_t)(v | 0x80);
    w->b[w->n++] = (uint8_t)v;
}

static inline void wire_int(struct wire *w, uint32_t field, int64_t v)
{
    wire_varint(w, field << 3);
    wire_varint(w, (uint64_t)v);
}

static inline void wire_bytes(struct wire *w, uint32_t field, const void *p,
                              size_t n)
{
    wire_varint(w, field << 3 | 2);
    wire_varint(w, n);
    memcpy(w->b + w->n, p, n);
    w->n += n;
}

static inline void wire_str(struct wire *w, uint32_t field, const char *s)
{
    wire_bytes(w, field, s, strlen(s));
}

static inline void wire_msg(struct wire *w, uint32_t field,
                            const struct wire *sub)
{
    wire_bytes(w, field, sub->b, sub->n);
}

/* ValueInfoProto; dims are numbers, or names where they begin with a letter,
 * separated by commas; "" is a scalar. */
static inline void wire_value(struct wire *graph, uint32_t field,
                              const char *name, int type, const char *dims)
{
    struct wire info = {0}, t = {0}, tensor = {0}, shape = {0};
    char text[128], *at, *save = NULL;

    strncpy(text, dims, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (at = strtok_r(text, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
        struct wire dim = {0};
        int64_t v = 0;
        const char *d = *at == '-' ? at + 1 : at;

        if (*d >= '0' && *d <= '9') {
            for (; *d; d++)
                v = v * 10 + (*d - '0');
            wire_int(&dim, 1, *at == '-' ? -v : v);
        } else if (strcmp(at, "?") != 0) {
            wire_str(&dim, 2, at);
        }
        wire_msg(&shape, 1, &dim);
    }
    wire_int(&tensor, 1, type);
    wire_msg(&tensor, 2, &shape);
    wire_msg(&t, 1, &tensor);
    wire_str(&info, 1, name);
    wire_msg(&info, 2, &t);
    wire_msg(graph, field, &info);
}

/* NodeProto; inputs and outputs are comma-separated, "" is an omitted one.
 * `attr` (AttributeProto, may be null) is appended. */
static inline void wire_node(struct wire *graph, const char *name,
                             const char *op, const char *in, const char *out,
                             const struct wire *attr)
{
    struct wire node = {0};
    const char *list[2] = {in, out};
    int i;

    for (i = 0; i < 2; i++) {
        const char *at = list[i];

        while (at) {
            const char *end = strchr(at, ',');

            wire_bytes(&node, i ? 2 : 1, at,
                       end ? (size_t)(end - at) : strlen(at));
            at = end ? end + 1 : NULL;
        }
    }
    wire_str(&node, 3, name);
    wire_str(&node, 4, op);
    if (attr)
        wire_msg(&node, 5, attr);
    wire_msg(graph, 1, &node);
}

/* TensorProto with raw data of n bytes, one dimension (-1: none). */
static inline void wire_tensor(struct wire *to, uint32_t field,
                               const char *name, int type, int64_t dim,
                               const void *raw, size_t n)
{
    struct wire t = {0};

    if (dim != -1)
        wire_int(&t, 1, dim);
    wire_int(&t, 2, type);
    if (name)
        wire_str(&t, 8, name);
    if (raw)
        wire_bytes(&t, 9, raw, n);
    wire_msg(to, field, &t);
}

/* ModelProto around a graph; the graph comes last, so that no cut leaves a
 * whole model. */
static inline void wire_model(struct wire *m, const struct wire *graph,
                              int64_t opset)
{
    struct wire set = {0};

    wire_int(m, 1, 7);
    wire_str(&set, 1, "");
    wire_int(&set, 2, opset);
    wire_msg(m, 8, &set);
    wire_msg(m, 7, graph);
}

#endif
