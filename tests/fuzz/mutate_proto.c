/* mutate_proto.c - one random edit of an unpacked protobuf message, found by
 * its descriptor. Debian has no libprotobuf-mutator for C; this is what of it
 * matters: edits keep the message well-formed, so that they reach what is
 * behind the parser. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 4096
#define DEPTH_MAX 60

struct list {
    uint32_t n;
    ProtobufCMessage *m[MESSAGES_MAX];
};

/* The quantifier of repeated fields, and the field itself. */
#define COUNT(m, d) (*(size_t *)(void *)((char *)(m) + (d)->quantifier_offset))
#define HAS(m, d)                                                              \
    (*(protobuf_c_boolean *)(void *)((char *)(m) + (d)->quantifier_offset))
#define CASE(m, d) (*(uint32_t *)(void *)((char *)(m) + (d)->quantifier_offset))
#define AT(m, d) ((void *)((char *)(m) + (d)->offset))

static bool is_oneof(const ProtobufCFieldDescriptor *d)
{
    return (d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

static bool is_set(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *d)
{
    if (d->label == PROTOBUF_C_LABEL_REPEATED)
        return COUNT(m, d) > 0;
    if (is_oneof(d))
        return CASE(m, d) == d->id;
    if (d->type == PROTOBUF_C_TYPE_STRING || d->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(void *const *)AT(m, d) != NULL;
    return HAS(m, d);
}

static void collect(struct list *l, ProtobufCMessage *m, int depth)
{
    unsigned i;
    size_t k;

    if (l->n == MESSAGES_MAX || depth == DEPTH_MAX)
        return;
    l->m[l->n++] = m;
    for (i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *d = &m->descriptor->fields[i];

        if (d->type != PROTOBUF_C_TYPE_MESSAGE || !is_set(m, d))
            continue;
        if (d->label != PROTOBUF_C_LABEL_REPEATED)
            collect(l, *(ProtobufCMessage **)AT(m, d), depth + 1);
        else
            for (k = 0; k < COUNT(m, d); k++)
                collect(l, (*(ProtobufCMessage ***)AT(m, d))[k], depth + 1);
    }
}

static ProtobufCMessage *copy_message(const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *packed = malloc(n ? n : 1);
    ProtobufCMessage *copy;

    (void)protobuf_c_message_pack(m, packed);
    copy = protobuf_c_message_unpack(m->descriptor, NULL, n, packed);
    free(packed);
    return copy;
}

/* A copy of a random message of that type, or an empty one. */
static ProtobufCMessage *donor(const struct list *l,
                               const ProtobufCMessageDescriptor *type)
{
    uint32_t start = fuzz_below(l->n), i;

    for (i = 0; i < l->n; i++) {
        ProtobufCMessage *m = l->m[(start + i) % l->n];

        if (m->descriptor == type)
            return copy_message(m);
    }
    return protobuf_c_message_unpack(type, NULL, 0, (const uint8_t *)"");
}

/* A string from elsewhere in the message: names that meet. */
static char *donor_string(const struct list *l)
{
    static const char *const own[] = {"",
                                      "x",
                                      "ai.onnx",
                                      "Add",
                                      "MatMul",
                                      "Reshape",
                                      "Conv",
                                      "Gather",
                                      "value",
                                      "axis",
                                      "axes",
                                      "auto_pad",
                                      "location",
                                      "offset",
                                      "..",
                                      "\x1b[2J",
                                      "9223372036854775808"};
    char *found[256];
    uint32_t n = 0, i;

    for (i = 0; i < l->n; i++) {
        const ProtobufCMessage *m = l->m[i];
        unsigned f;
        size_t k;

        for (f = 0; f < m->descriptor->n_fields; f++) {
            const ProtobufCFieldDescriptor *d = &m->descriptor->fields[f];

            if (d->type != PROTOBUF_C_TYPE_STRING || !is_set(m, d))
                continue;
            if (d->label != PROTOBUF_C_LABEL_REPEATED && n < 256)
                found[n++] = *(char **)AT(m, d);
            for (k = 0; d->label == PROTOBUF_C_LABEL_REPEATED &&
                        k < COUNT(m, d) && n < 256;
                 k++)
                found[n++] = (*(char ***)AT(m, d))[k];
        }
    }
    if (n == 0 || fuzz_below(4) == 0)
        return strdup(own[fuzz_below(sizeof(own) / sizeof(own[0]))]);
    return strdup(found[fuzz_below(n)]);
}

static void fill_number(ProtobufCType type, void *at)
{
    static const double edge[] = {0, 1, -1, 0.5, 1e-30, 1e38, 1e300, -1e9};
    int64_t i = fuzz_number();
    double f = edge[fuzz_below(8)];

    if (fuzz_below(6) == 0)
        f = fuzz_below(2) ? __builtin_nan("") : -__builtin_inf();
    if (type == PROTOBUF_C_TYPE_FLOAT) {
        float narrow = fuzz_below(2) ? (float)(i % 1000) : (float)f;

        memcpy(at, &narrow, sizeof(narrow));
    } else if (type == PROTOBUF_C_TYPE_DOUBLE) {
        memcpy(at, &f, sizeof(f));
    } else if (size_of(type) == 8) {
        memcpy(at, &i, sizeof(i));
    } else {
        int32_t narrow = (int32_t)i;

        if (type == PROTOBUF_C_TYPE_BOOL)
            narrow = narrow & 1;
        memcpy(at, &narrow, sizeof(narrow));
    }
}

static void fill_bytes(ProtobufCBinaryData *b)
{
    size_t cap = b->len + 16;
    uint8_t *data = malloc(cap);

    if (b->len)
        memcpy(data, b->data, b->len);
    free(b->data);
    b->data = data;
    if (fuzz_below(4) == 0)
        b->len = fuzz_below((uint32_t)cap);
    else
        b->len = LLVMFuzzerMutate(data, b->len, cap);
}

/* A new value of an element whose memory holds none. */
static void make(const struct list *l, const ProtobufCFieldDescriptor *d,
                 void *at)
{
    memset(at, 0, size_of(d->type));
    if (d->type == PROTOBUF_C_TYPE_MESSAGE)
        *(ProtobufCMessage **)at = donor(l, d->descriptor);
    else if (d->type == PROTOBUF_C_TYPE_STRING)
        *(char **)at = donor_string(l);
    else if (d->type == PROTOBUF_C_TYPE_BYTES)
        fill_bytes(at);
    else
        fill_number(d->type, at);
}

static void drop(const ProtobufCFieldDescriptor *d, void *at)
{
    if (d->type == PROTOBUF_C_TYPE_MESSAGE && *(void **)at)
        protobuf_c_message_free_unpacked(*(ProtobufCMessage **)at, NULL);
    else if (d->type == PROTOBUF_C_TYPE_STRING &&
             *(const void **)at != d->default_value)
        free(*(void **)at);
    else if (d->type == PROTOBUF_C_TYPE_BYTES)
        free(((ProtobufCBinaryData *)at)->data);
    memset(at, 0, size_of(d->type));
}

static void change_repeated(const struct list *l, ProtobufCMessage *m,
                            const ProtobufCFieldDescriptor *d)
{
    size_t each = size_of(d->type), n = COUNT(m, d);
    char *data = *(char **)AT(m, d);
    uint32_t i = fuzz_below((uint32_t)n), k = fuzz_below((uint32_t)n);
    char held[sizeof(ProtobufCBinaryData)];

    switch (n == 0 ? 0 : fuzz_below(5)) {
    case 0:               /* one more, there */
        make(l, d, held); /* first: donors are whole messages */
        data = realloc(data, (n + 1) * each);
        if (n > 0)
            memmove(data + (i + 1) * each, data + i * each, (n - i) * each);
        memcpy(data + i * each, held, each);
        *(char **)AT(m, d) = data;
        COUNT(m, d) = n + 1;
        break;
    case 1: /* one less */
        drop(d, data + i * each);
        memmove(data + i * each, data + (i + 1) * each, (n - i - 1) * each);
        COUNT(m, d) = n - 1;
        if (n == 1) {
            free(data);
            *(char **)AT(m, d) = NULL;
        }
        break;
    case 2: /* two change places */
        memcpy(held, data + i * each, each);
        memcpy(data + i * each, data + k * each, each);
        memcpy(data + k * each, held, each);
        break;
    default:
        if (d->type == PROTOBUF_C_TYPE_BYTES) {
            fill_bytes((void *)(data + i * each));
            break;
        }
        make(l, d, held); /* first: the donor may be what is dropped */
        drop(d, data + i * each);
        memcpy(data + i * each, held, each);
    }
}

static void change_single(const struct list *l, ProtobufCMessage *m,
                          const ProtobufCFieldDescriptor *d)
{
    bool was = is_set(m, d), stays = !was || fuzz_below(4) > 0;
    char fresh[sizeof(ProtobufCBinaryData)];
    unsigned f;

    if (d->type == PROTOBUF_C_TYPE_BYTES && was && stays) {
        fill_bytes(AT(m, d));
        return;
    }
    if (stays)
        make(l, d, fresh); /* first: the donor may be what is dropped */
    for (f = 0; f < m->descriptor->n_fields; f++) { /* it, or its rival */
        const ProtobufCFieldDescriptor *old = &m->descriptor->fields[f];

        if (old == d ? was
                     : is_oneof(d) && is_oneof(old) && is_set(m, old) &&
                           old->quantifier_offset == d->quantifier_offset)
            drop(old, AT(m, old));
    }
    if (stays)
        memcpy(AT(m, d), fresh, size_of(d->type));
    if (is_oneof(d))
        CASE(m, d) = stays ? d->id : 0;
    else if (d->type != PROTOBUF_C_TYPE_STRING &&
             d->type != PROTOBUF_C_TYPE_MESSAGE)
        HAS(m, d) = stays;
}

static void change(const struct list *all, const struct list *donors)
{
    ProtobufCMessage *m = all->m[fuzz_below(all->n)];
    const ProtobufCFieldDescriptor *d;
    uint32_t tries;

    if (m->descriptor->n_fields == 0)
        return;
    d = &m->descriptor->fields[fuzz_below(m->descriptor->n_fields)];
    for (tries = 0; tries < 4 && !is_set(m, d); tries++)
        d = &m->descriptor->fields[fuzz_below(m->descriptor->n_fields)];
    if (d->label == PROTOBUF_C_LABEL_REPEATED)
        change_repeated(donors, m, d);
    else
        change_single(donors, m, d);
}

size_t fuzz_proto(const ProtobufCMessageDescriptor *root, uint8_t *data,
                  size_t bytes, size_t cap, unsigned seed, const uint8_t *other,
                  size_t other_bytes)
{
    static struct list all, donors;
    ProtobufCMessage *m, *more = NULL;
    uint32_t edits;
    size_t n;

    fuzz_seed(seed);
    m = fuzz_below(16) ? protobuf_c_message_unpack(root, NULL, bytes, data)
                       : NULL;
    if (!m)
        return LLVMFuzzerMutate(data, bytes, cap);
    if (other)
        more = protobuf_c_message_unpack(root, NULL, other_bytes, other);
    for (edits = 1 + fuzz_below(3); edits > 0; edits--) {
        all.n = donors.n = 0;
        collect(&all, m, 0);
        if (more)
            collect(&donors, more, 0);
        change(&all, more ? &donors : &all);
    }
    n = protobuf_c_message_get_packed_size(m);
    if (n <= cap)
        bytes = protobuf_c_message_pack(m, data);
    protobuf_c_message_free_unpacked(m, NULL);
    if (more)
        protobuf_c_message_free_unpacked(more, NULL);
    return n <= cap ? bytes : LLVMFuzzerMutate(data, bytes, cap);
}
