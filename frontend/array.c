/* array.c - tensors in files: NumPy's .npy, ONNX's .pb, raw bytes. */
#include "import.h"

#include "arena.h"
#include "file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NPY_HEADER_MAX 4096

void atm_array_clear(struct atm_array *a)
{
    atm_free(a->data);
    memset(a, 0, sizeof(*a));
}

enum atm_status atm_array_settle(struct atm_array *a)
{
    enum atm_status st = atm_extent_read(&a->shape, a->dtype, a->data);

    return st ? st : atm_shape_bytes(&a->shape, a->dtype, &a->bytes);
}

/* NumPy's codes; '<' or, for one byte, '|' stands before them. */
static const struct {
    const char *code;
    enum atm_dtype dtype;
} npy_types[] = {{"f4", ATM_F32}, {"f8", ATM_F64}, {"f2", ATM_F16},
                 {"i1", ATM_I8},  {"i2", ATM_I16}, {"i4", ATM_I32},
                 {"i8", ATM_I64}, {"u1", ATM_U8},  {"u2", ATM_U16},
                 {"u4", ATM_U32}, {"u8", ATM_U64}, {"b1", ATM_BOOL}};
#define N_NPY_TYPES (sizeof(npy_types) / sizeof(npy_types[0]))

/* The text behind 'key': in the header's dictionary, or null. */
static const char *npy_key(const char *header, const char *key)
{
    const char *at = strstr(header, key);

    if (!at)
        return NULL;
    at += strlen(key);
    at += strspn(at, " ");
    if (*at != ':')
        return NULL;
    at++;
    return at + strspn(at, " ");
}

static enum atm_status npy_descr(const char *header, enum atm_dtype *dtype)
{
    const char *at = npy_key(header, "'descr'");
    size_t i;

    if (!at || *at != '\'')
        return atm_fail(ATM_FORMAT, "no 'descr' in the .npy header");
    for (i = 0; i < N_NPY_TYPES; i++)
        if ((at[1] == '<' || at[1] == '|' || at[1] == '=') &&
            strncmp(at + 2, npy_types[i].code, 2) == 0 && at[4] == '\'') {
            *dtype = npy_types[i].dtype;
            return ATM_OK;
        }
    return atm_fail(ATM_UNSUPPORTED,
                    "element type %.12s of the .npy file (a "
                    "little-endian number is)",
                    at);
}

static enum atm_status npy_shape(const char *header, struct atm_shape *shape)
{
    const char *at = npy_key(header, "'shape'");

    memset(shape, 0, sizeof(*shape));
    if (!at || *at++ != '(')
        return atm_fail(ATM_FORMAT, "no 'shape' in the .npy header");
    for (at += strspn(at, " "); *at != ')'; at += strspn(at, ", L")) {
        int64_t v = 0;

        if (*at < '0' || *at > '9')
            return atm_fail(ATM_FORMAT, "the 'shape' in the .npy header is "
                                        "damaged");
        for (; *at >= '0' && *at <= '9'; at++)
            if (__builtin_mul_overflow(v, 10, &v) ||
                __builtin_add_overflow(v, *at - '0', &v))
                return atm_fail(ATM_FORMAT, "a dimension is too large");
        if (shape->rank == ATM_RANK_MAX)
            return atm_fail(ATM_FORMAT, "rank is above %d", ATM_RANK_MAX);
        shape->dim[shape->rank++] = v;
    }
    return ATM_OK;
}

/* Reads the header; *offset is where the elements begin. */
static enum atm_status npy_head(int fd, const char *path, uint64_t size,
                                struct atm_array *a, uint64_t *offset)
{
    char header[NPY_HEADER_MAX + 1];
    unsigned char head[12];
    enum atm_status st;
    const char *order;
    uint64_t n;

    if (size < sizeof(head))
        return atm_fail(ATM_FORMAT, "too short for a .npy file");
    st = atm__pread(fd, path, 0, sizeof(head), head);
    if (st)
        return st;
    if (memcmp(head, "\x93NUMPY", 6) != 0 || head[6] < 1 || head[6] > 3)
        return atm_fail(ATM_FORMAT, "not a .npy file of version 1 to 3");
    *offset = head[6] == 1 ? 10 : 12;
    n = head[8] | (uint64_t)head[9] << 8;
    if (head[6] > 1)
        n |= (uint64_t)head[10] << 16 | (uint64_t)head[11] << 24;
    if (n > NPY_HEADER_MAX || n > size - *offset)
        return atm_fail(ATM_FORMAT, "the .npy header is cut off or too long");
    st = atm__pread(fd, path, *offset, n, header);
    if (st)
        return st;
    header[n] = '\0';
    *offset += n;
    st = npy_descr(header, &a->dtype);
    if (!st)
        st = npy_shape(header, &a->shape);
    if (st)
        return st;
    order = npy_key(header, "'fortran_order'");
    if (!order || (strncmp(order, "False", 5) != 0 && a->shape.rank > 1))
        return atm_fail(ATM_UNSUPPORTED, "the .npy file is in Fortran order; "
                                         "save numpy.ascontiguousarray of it");
    st = atm_shape_bytes(&a->shape, a->dtype, &a->bytes);
    if (!st && size - *offset != a->bytes)
        st = atm_fail(ATM_FORMAT,
                      "%" PRIu64 " bytes of elements, the header "
                      "says %" PRIu64,
                      size - *offset, a->bytes);
    return st;
}

/* The file's size vouches for the bytes before they are allocated. */
static enum atm_status allocate(struct atm_array *a)
{
    a->data = atm_alloc((size_t)a->bytes);
    return a->data ? ATM_OK : ATM_NOMEM;
}

static enum atm_status read_npy(int fd, const char *path, uint64_t size,
                                struct atm_array *a)
{
    uint64_t offset;
    enum atm_status st = npy_head(fd, path, size, a, &offset);

    if (!st)
        st = allocate(a);
    return st ? st : atm__pread(fd, path, offset, a->bytes, a->data);
}

static enum atm_status read_tensor(int fd, const char *path,
                                   const struct atm__scan *scan,
                                   const Onnx__TensorProto *t,
                                   struct atm_array *a)
{
    enum atm_status st;
    uint64_t offset;

    st = atm__tensor_type(t, &a->dtype, &a->shape, &a->bytes);
    if (st)
        return st;
    if (t->has_data_location && t->data_location != 0)
        return atm_fail(ATM_UNSUPPORTED, "its data are in another file");
    if (t->has_raw_data) {
        st = atm__tensor_raw(scan, t, a->bytes, &offset);
        if (!st)
            st = allocate(a);
        return st ? st : atm__pread(fd, path, offset, a->bytes, a->data);
    }
    return atm__tensor_typed(t, a->dtype, a->bytes, &a->data);
}

static enum atm_status read_pb(int fd, const char *path, uint64_t size,
                               struct atm_array *a)
{
    const ProtobufCMessageDescriptor *type = &onnx__tensor_proto__descriptor;
    ProtobufCMessage *message = NULL;
    struct atm__scan scan;
    enum atm_status st;

    st = atm__prescan(fd, size, path, type, &scan);
    if (!st)
        st = atm__scan_unpack(&scan, path, type, &message);
    if (!st)
        st =
            read_tensor(fd, path, &scan, (const Onnx__TensorProto *)message, a);
    atm__unpacked_free(message);
    atm__scan_clear(&scan);
    return st;
}

static enum atm_status read_raw(int fd, const char *path, uint64_t size,
                                enum atm_dtype dtype,
                                const struct atm_shape *shape,
                                struct atm_array *a)
{
    enum atm_status st;

    if (!shape || dtype == ATM_DTYPE_NONE)
        return atm_fail(ATM_INVAL, "raw bytes need a type and a shape; name "
                                   "it .npy or .pb if it is one");
    a->dtype = dtype;
    a->shape = *shape;
    st = atm_shape_bytes(shape, dtype, &a->bytes);
    if (!st && size != a->bytes)
        st = atm_fail(ATM_FORMAT,
                      "%" PRIu64 " bytes, shape and type need %" PRIu64, size,
                      a->bytes);
    if (!st)
        st = allocate(a);
    return st ? st : atm__pread(fd, path, 0, a->bytes, a->data);
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);

    return n >= m && strcmp(path + n - m, end) == 0;
}

static enum atm_status same_type(const struct atm_array *a,
                                 enum atm_dtype dtype,
                                 const struct atm_shape *shape)
{
    char is[128], want[128];

    if (!shape || (a->dtype == dtype && atm_shape_equal(&a->shape, shape)))
        return ATM_OK;
    return atm_fail(
        ATM_FORMAT, "holds %s %s, expected is %s %s", atm_dtype_name(a->dtype),
        atm_shape_str(&a->shape, is, sizeof(is)), atm_dtype_name(dtype),
        atm_shape_str(shape, want, sizeof(want)));
}

enum atm_status atm_array_read(const char *path, enum atm_dtype dtype,
                               const struct atm_shape *expect_shape,
                               struct atm_array *a)
{
    enum atm_status st;
    uint64_t size;
    int fd;

    memset(a, 0, sizeof(*a));
    st = atm__open(path, &fd, &size);
    if (st)
        return st;
    if (ends_in(path, ".npy"))
        st = read_npy(fd, path, size, a);
    else if (ends_in(path, ".pb"))
        st = read_pb(fd, path, size, a);
    else
        st = read_raw(fd, path, size, dtype, expect_shape, a);
    (void)close(fd);
    if (!st)
        st = same_type(a, dtype, expect_shape);
    if (!st)
        return ATM_OK;
    atm_array_clear(a);
    return strncmp(atm_errmsg(), path, strlen(path)) == 0
               ? st
               : atm_fail_in(st, "%s", path);
}

/* Version 1: the header, padded with blanks so that the elements begin on a
 * multiple of 64. */
static enum atm_status npy_header(const struct atm_array *a, char *buf,
                                  size_t cap, size_t *bytes)
{
    size_t i, n, total;
    const char *code = NULL;

    for (i = 0; i < N_NPY_TYPES; i++)
        if (npy_types[i].dtype == a->dtype)
            code = npy_types[i].code;
    if (!code)
        return atm_fail(ATM_UNSUPPORTED, "%s has no .npy type",
                        atm_dtype_name(a->dtype));
    n = 10 + (size_t)snprintf(buf + 10, cap - 10,
                              "{'descr': '%c%s', "
                              "'fortran_order': False, 'shape': (",
                              code[1] == '1' ? '|' : '<', code);
    for (i = 0; i < a->shape.rank; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%" PRId64, i ? ", " : "",
                              a->shape.dim[i]);
    n += (size_t)snprintf(buf + n, cap - n, "%s), }",
                          a->shape.rank == 1 ? "," : "");
    total = (n + 1 + 63) / 64 * 64;
    memset(buf + n, ' ', total - n);
    buf[total - 1] = '\n';
    memcpy(buf, "\x93NUMPY\x01\x00", 8);
    buf[8] = (char)((total - 10) & 0xff);
    buf[9] = (char)((total - 10) >> 8);
    *bytes = total;
    return ATM_OK;
}

enum atm_status atm_array_write_npy(const char *path, const struct atm_array *a,
                                    bool force)
{
    char header[1024];
    enum atm_status st;
    struct atm_file f;
    size_t bytes = 0;

    st = npy_header(a, header, sizeof(header), &bytes);
    if (!st)
        st = atm_file_create(path, force, &f);
    if (st)
        return st;
    st = atm_file_write(&f, header, bytes);
    if (!st)
        st = atm_file_write(&f, a->data, (size_t)a->bytes);
    if (st) {
        atm_file_abort(&f);
        return st;
    }
    return atm_file_commit(&f);
}
