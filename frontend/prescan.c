/* prescan.c - an iterative scan of the protobuf wire format.
 *
 * protobuf-c has no limits of its own: it recurses as deep as the file says,
 * merges repeated singular messages in quadratic time, takes up to 146 bytes
 * of memory for one of the file and copies every weight. So the file is walked
 * here first, by the same descriptors that protobuf-c will use as the table of
 * messages and fields, and protobuf-c gets a reduced copy: without payloads
 * and without unknown fields, each length written as a five-byte varint that
 * is filled in when the message ends. */
#include "prescan.h"

#include "arena.h"
#include "onnx.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 100
#define GRAPHS_MAX 16
#define MESSAGES_MAX (4u << 20)
#define REDUCED_MAX (512u << 20)
#define WINDOW (64u * 1024)
#define LENGTH_BYTES 5
#define PACKED_MIN 1024 /* packed floats from here on stay in the file */

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

struct frame {
    const ProtobufCMessageDescriptor *type;
    uint64_t end;     /* in the file */
    size_t length_at; /* in the reduced message; the root has none */
    uint64_t seen;    /* singular fields, by index of the descriptor */
};

struct scanner {
    int fd;
    const char *path;
    uint64_t at, size;
    uint64_t window_at;
    size_t window_bytes;
    struct atm__scan *out;
    uint32_t depth, graphs, messages;
    struct frame frame[DEPTH_MAX];
    uint8_t window[WINDOW];
};

static enum atm_status malformed(const struct scanner *s, const char *cause)
{
    return atm_fail(ATM_FORMAT,
                    "%s: byte %" PRIu64 ": %s; the file is "
                    "damaged or no ONNX",
                    s->path, s->at, cause);
}

/* Makes the window begin at or before s->at and hold at least one byte. */
static enum atm_status fill(struct scanner *s)
{
    ssize_t n;

    if (s->at >= s->window_at && s->at - s->window_at < s->window_bytes)
        return ATM_OK;
    do
        n = pread(s->fd, s->window, WINDOW, (off_t)s->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return atm_fail(ATM_IO, "%s: %s", s->path, strerror(errno));
    if (n == 0)
        return malformed(s, "the file ends here");
    s->window_at = s->at;
    s->window_bytes = (size_t)n;
    return ATM_OK;
}

static enum atm_status varint(struct scanner *s, uint64_t end, uint64_t *v)
{
    enum atm_status st;
    unsigned shift;
    uint8_t byte;

    *v = 0;
    for (shift = 0; shift < 64; shift += 7) {
        if (s->at >= end)
            return malformed(s, "a number is cut off");
        st = fill(s);
        if (st)
            return st;
        byte = s->window[s->at - s->window_at];
        s->at++;
        *v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return ATM_OK;
    }
    return malformed(s, "a number is longer than 10 bytes");
}

static enum atm_status reserve(struct scanner *s, size_t more)
{
    struct atm__scan *out = s->out;
    size_t cap = out->cap ? out->cap : 4096;
    uint8_t *data;

    if (more > REDUCED_MAX - out->bytes)
        return atm_fail(ATM_UNSUPPORTED,
                        "%s: more than %u MiB beside "
                        "the weights' raw data",
                        s->path, REDUCED_MAX >> 20);
    while (cap - out->bytes < more)
        cap *= 2;
    if (cap == out->cap)
        return ATM_OK;
    data = atm_realloc(out->data, cap);
    if (!data)
        return ATM_NOMEM;
    out->data = data;
    out->cap = cap;
    return ATM_OK;
}

static enum atm_status put_varint(struct scanner *s, uint64_t v)
{
    enum atm_status st = reserve(s, 10);

    if (st)
        return st;
    for (; v > 0x7f; v >>= 7)
        s->out->data[s->out->bytes++] = (uint8_t)(v | 0x80);
    s->out->data[s->out->bytes++] = (uint8_t)v;
    return ATM_OK;
}

static void put_length(uint8_t *to, size_t v)
{
    int i;

    for (i = 0; i < LENGTH_BYTES; i++, v >>= 7)
        to[i] = (uint8_t)((v & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

/* Copies the next `bytes` bytes of the file. */
static enum atm_status copy(struct scanner *s, uint64_t bytes)
{
    enum atm_status st;

    if (bytes > REDUCED_MAX)
        bytes = REDUCED_MAX; /* reserve refuses */
    st = reserve(s, (size_t)bytes);
    if (st)
        return st;
    while (bytes > 0) {
        size_t have;

        st = fill(s);
        if (st)
            return st;
        have = s->window_bytes - (size_t)(s->at - s->window_at);
        if (have > bytes)
            have = (size_t)bytes;
        memcpy(s->out->data + s->out->bytes, s->window + (s->at - s->window_at),
               have);
        s->out->bytes += have;
        s->at += have;
        bytes -= have;
    }
    return ATM_OK;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t i = 0;

    while (i < n) {
        uint32_t c = p[i], more, k;

        more = c < 0x80       ? 0
               : c >> 5 == 6  ? 1
               : c >> 4 == 14 ? 2
               : c >> 3 == 30 ? 3
                              : 4;
        if (more == 4 || n - i <= more)
            return false;
        c &= more ? 0x3fu >> more : 0x7fu;
        for (k = 1; k <= more; k++) {
            if (p[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (p[i + k] & 0x3f);
        }
        if (c == 0 || c < least[more] || c > 0x10ffff ||
            (c >= 0xd800 && c < 0xe000))
            return false;
        i += more + 1;
    }
    return true;
}

static enum atm_status put_raw(struct scanner *s, uint32_t field,
                               uint64_t bytes)
{
    struct atm__scan *out = s->out;
    enum atm_status st;
    uint32_t i = out->n_raw;

    if (i == out->cap_raw) {
        uint32_t cap = i ? i * 2 : 64;
        struct atm__raw *raw = atm_realloc(out->raw, cap * sizeof(*raw));

        if (!raw)
            return ATM_NOMEM;
        out->raw = raw;
        out->cap_raw = cap;
    }
    out->raw[i] = (struct atm__raw){s->at, bytes, field};
    out->n_raw++;
    st = put_varint(s, 9 << 3 | BYTES);
    if (!st)
        st = put_varint(s, 4);
    if (!st)
        st = reserve(s, 4);
    if (st)
        return st;
    for (int k = 0; k < 4; k++)
        out->data[out->bytes++] = (uint8_t)(i >> 8 * k);
    s->at += bytes;
    return ATM_OK;
}

static enum atm_status enter(struct scanner *s, uint32_t field,
                             const ProtobufCMessageDescriptor *type,
                             uint64_t end)
{
    enum atm_status st;

    if (s->depth == DEPTH_MAX)
        return malformed(s, "messages are nested more than 100 deep");
    if (type == &onnx__graph_proto__descriptor && ++s->graphs > GRAPHS_MAX)
        return malformed(s, "graphs are nested more than 16 deep");
    if (++s->messages > MESSAGES_MAX)
        return malformed(s, "more than 4 Mi messages");
    st = put_varint(s, (uint64_t)field << 3 | BYTES);
    if (!st)
        st = reserve(s, LENGTH_BYTES);
    if (st)
        return st;
    s->frame[s->depth++] = (struct frame){type, end, s->out->bytes, 0};
    s->out->bytes += LENGTH_BYTES;
    return ATM_OK;
}

static void leave(struct scanner *s)
{
    struct frame *f = &s->frame[--s->depth];

    if (f->type == &onnx__graph_proto__descriptor)
        s->graphs--;
    if (s->depth > 0)
        put_length(s->out->data + f->length_at,
                   s->out->bytes - f->length_at - LENGTH_BYTES);
}

/* The wire type of one element. */
static enum wire wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return FIXED32;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return BYTES;
    default:
        return VARINT;
    }
}

static enum atm_status check_field(struct scanner *s, struct frame *f,
                                   const ProtobufCFieldDescriptor *d,
                                   unsigned wire)
{
    bool repeated = d->label == PROTOBUF_C_LABEL_REPEATED;
    uint64_t bit = UINT64_C(1) << (d - f->type->fields);

    if (wire != (unsigned)wire_of(d->type) && !(repeated && wire == BYTES))
        return atm_fail(ATM_FORMAT,
                        "%s: byte %" PRIu64 ": %s.%s has wire "
                        "type %u; the file is damaged or no ONNX",
                        s->path, s->at, f->type->short_name, d->name, wire);
    if (!repeated && f->seen & bit)
        return atm_fail(ATM_FORMAT,
                        "%s: byte %" PRIu64 ": %s.%s is given "
                        "twice",
                        s->path, s->at, f->type->short_name, d->name);
    f->seen |= bit;
    return ATM_OK;
}

/* What a field that Debian's onnx.proto does not know yet says, where leaving
 * it out would change the model's meaning; null otherwise. */
static const char *newer_meaning(const ProtobufCMessageDescriptor *type,
                                 uint64_t field)
{
    if (type == &onnx__function_proto__descriptor && field == 11)
        return "a function with default values of attributes";
    if ((type == &onnx__function_proto__descriptor && field == 13) ||
        (type == &onnx__node_proto__descriptor && field == 8))
        return "an overloaded function";
    return NULL;
}

/* A field with a length: a message is entered, a payload noted, a string
 * copied. d is null for unknown fields, which are skipped. */
static enum atm_status length_delimited(struct scanner *s, struct frame *f,
                                        const ProtobufCFieldDescriptor *d,
                                        uint64_t field)
{
    const char *newer = newer_meaning(f->type, field);
    enum atm_status st;
    uint64_t bytes;
    bool tensor = f->type == &onnx__tensor_proto__descriptor;
    size_t from;

    st = varint(s, f->end, &bytes);
    if (st)
        return st;
    if (bytes > f->end - s->at)
        return malformed(s, "a field is longer than what holds it");
    if (!d && newer && bytes > 0)
        return atm_fail(ATM_UNSUPPORTED, "%s: not supported: %s", s->path,
                        newer);
    if (!d) {
        s->at += bytes;
        return ATM_OK;
    }
    if (d->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter(s, d->id, d->descriptor, s->at + bytes);
    if (tensor &&
        (d->id == 9 || ((d->id == 4 || d->id == 10) && bytes >= PACKED_MIN))) {
        uint64_t raw = UINT64_C(1) << 63; /* one payload a tensor */

        if (f->seen & raw)
            return malformed(s, "a tensor has its data in two fields");
        f->seen |= raw;
        return put_raw(s, d->id, bytes);
    }
    st = put_varint(s, (uint64_t)d->id << 3 | BYTES);
    if (!st)
        st = put_varint(s, bytes);
    from = s->out->bytes;
    if (!st)
        st = copy(s, bytes);
    if (!st && d->type == PROTOBUF_C_TYPE_STRING &&
        !is_utf8(s->out->data + from, (size_t)bytes))
        return malformed(s, "a string is no UTF-8 or holds a NUL");
    return st;
}

static enum atm_status scan_field(struct scanner *s, struct frame *f)
{
    const ProtobufCFieldDescriptor *d;
    uint64_t tag, v;
    enum atm_status st;
    unsigned wire;

    st = varint(s, f->end, &tag);
    if (st)
        return st;
    wire = tag & 7;
    if (tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
        return malformed(s, "a field has an impossible number");
    d = protobuf_c_message_descriptor_get_field(f->type, (unsigned)(tag >> 3));
    if (d) {
        st = check_field(s, f, d, wire);
        if (st)
            return st;
    }
    switch (wire) {
    case BYTES:
        return length_delimited(s, f, d, tag >> 3);
    case VARINT:
        st = varint(s, f->end, &v);
        if (!st && d)
            st = put_varint(s, tag);
        return st || !d ? st : put_varint(s, v);
    case FIXED64:
    case FIXED32:
        v = wire == FIXED64 ? 8 : 4;
        if (v > f->end - s->at)
            return malformed(s, "a number is cut off");
        if (!d) {
            s->at += v;
            return ATM_OK;
        }
        st = put_varint(s, tag);
        return st ? st : copy(s, v);
    default:
        return malformed(s, "a field has an unknown wire type");
    }
}

enum atm_status atm__prescan(int fd, uint64_t size, const char *path,
                             const ProtobufCMessageDescriptor *root,
                             struct atm__scan *scan)
{
    struct scanner *s;
    enum atm_status st = ATM_OK;

    memset(scan, 0, sizeof(*scan));
    s = atm_alloc(sizeof(*s));
    if (!s)
        return ATM_NOMEM;
    s->fd = fd;
    s->path = path;
    s->at = s->window_at = 0;
    s->size = size;
    s->window_bytes = 0;
    s->out = scan;
    s->graphs = s->messages = 0;
    s->frame[0] = (struct frame){root, size, 0, 0};
    s->depth = 1;
    while (!st && s->depth > 0) {
        struct frame *f = &s->frame[s->depth - 1];

        if (s->at == f->end)
            leave(s);
        else
            st = scan_field(s, f);
    }
    atm_free(s);
    if (st)
        atm__scan_clear(scan);
    return st;
}

void atm__scan_release(struct atm__scan *scan)
{
    atm_free(scan->data);
    scan->data = NULL;
    scan->bytes = scan->cap = 0;
}

void atm__scan_clear(struct atm__scan *scan)
{
    atm_free(scan->data);
    atm_free(scan->raw);
    memset(scan, 0, sizeof(*scan));
}

/* Allocations of protobuf-c are counted, not tracked: what it frees while
 * parsing is a few slabs. */
struct budget {
    size_t left;
    bool full;
};

static void *budget_alloc(void *data, size_t bytes)
{
    struct budget *b = data;

    if (bytes > b->left) {
        b->full = true;
        return NULL;
    }
    b->left -= bytes;
    return atm_alloc(bytes);
}

static void budget_free(void *data, void *p)
{
    (void)data;
    atm_free(p);
}

enum atm_status atm__scan_unpack(const struct atm__scan *scan, const char *path,
                                 const ProtobufCMessageDescriptor *root,
                                 ProtobufCMessage **message)
{
    struct budget budget = {(64u << 20) + 4 * scan->bytes, false};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};

    /* a sentence stays from a failed allocation; else it is ours */
    (void)atm_fail(ATM_FORMAT, "%s: not an ONNX model", path);
    *message =
        protobuf_c_message_unpack(root, &allocator, scan->bytes, scan->data);
    if (*message)
        return ATM_OK;
    if (budget.full)
        return atm_fail(ATM_FORMAT,
                        "%s: its messages take more than 64 MiB "
                        "+ 4 x their bytes of memory",
                        path);
    return strncmp(atm_errmsg(), "out of memory", 13) == 0 ? ATM_NOMEM
                                                           : ATM_FORMAT;
}

void atm__unpacked_free(ProtobufCMessage *message)
{
    static struct budget none;
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &none};

    if (message)
        protobuf_c_message_free_unpacked(message, &allocator);
}
