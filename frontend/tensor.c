/* tensor.c - TensorProto: element type, shape, and where the bytes are. */
#include "import.h"

#include "arena.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raw data up to here is copied into the graph: operators read their shape
 * inputs in memory, and reading each from its file would cost more. */
#define COPY_MAX 1024

enum atm_status atm__open(const char *path, int *fd, uint64_t *bytes)
{
    enum atm_status st;
    struct stat sb;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return atm_fail(ATM_IO, "%s: %s", path, strerror(errno));
    *bytes = 0;
    if (fstat(*fd, &sb) != 0 || !S_ISREG(sb.st_mode))
        st = atm_fail(ATM_IO, "%s: not a regular file", path);
    else if (sb.st_size == 0)
        st = atm_fail(ATM_FORMAT, "%s: byte 0: the file is empty", path);
    else
        st = ATM_OK;
    if (st)
        (void)close(*fd);
    else
        *bytes = (uint64_t)sb.st_size;
    return st;
}

enum atm_status atm__pread(int fd, const char *path, uint64_t offset,
                           uint64_t bytes, void *dst)
{
    char *to = dst;

    while (bytes > 0) {
        ssize_t n =
            pread(fd, to, bytes > (1u << 30) ? 1u << 30 : bytes, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return atm_fail(ATM_IO, "%s: %s", path, strerror(errno));
        if (n == 0)
            return atm_fail(ATM_FORMAT,
                            "%s: byte %" PRIu64 ": the file ends "
                            "here",
                            path, offset);
        to += n;
        offset += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return ATM_OK;
}

enum atm_status atm__tensor_type(const Onnx__TensorProto *t,
                                 enum atm_dtype *dtype, struct atm_shape *shape,
                                 uint64_t *bytes)
{
    size_t i;

    *dtype = atm_dtype_from_onnx(t->data_type);
    if (*dtype == ATM_DTYPE_NONE)
        return atm_fail(t->data_type < 1 ? ATM_FORMAT : ATM_UNSUPPORTED,
                        "element type %d is not supported", t->data_type);
    if (t->n_dims > ATM_RANK_MAX)
        return atm_fail(ATM_FORMAT, "rank %zu is above %d", t->n_dims,
                        ATM_RANK_MAX);
    if (t->segment)
        return atm_fail(ATM_UNSUPPORTED, "a tensor in segments");
    memset(shape, 0, sizeof(*shape));
    shape->rank = (uint32_t)t->n_dims;
    for (i = 0; i < t->n_dims; i++)
        shape->dim[i] = t->dims[i];
    return atm_shape_bytes(shape, *dtype, bytes);
}

/* The elements that are given must be in the field of the type, all of them
 * and no others. */
static enum atm_status typed_count(const Onnx__TensorProto *t,
                                   enum atm_dtype dtype, uint64_t bytes)
{
    uint64_t n = bytes / atm_dtype_bytes(dtype);
    size_t all = t->n_float_data + t->n_double_data + t->n_int32_data +
                 t->n_int64_data + t->n_uint64_data + t->n_string_data;
    size_t have;

    switch (dtype) {
    case ATM_F32:
        have = t->n_float_data;
        break;
    case ATM_F64:
        have = t->n_double_data;
        break;
    case ATM_I64:
        have = t->n_int64_data;
        break;
    case ATM_U32:
    case ATM_U64:
        have = t->n_uint64_data;
        break;
    default:
        have = t->n_int32_data;
    }
    if (have != all)
        return atm_fail(ATM_FORMAT,
                        "data in a field of another type than %s, "
                        "or in two fields",
                        atm_dtype_name(dtype));
    if (have != n)
        return atm_fail(ATM_FORMAT,
                        "%zu elements of data, the shape has %" PRIu64, have,
                        n);
    return ATM_OK;
}

#define COPY_AS(ctype, field)                                                  \
    do {                                                                       \
        ctype *to = *data;                                                     \
        for (i = 0; i < n; i++)                                                \
            to[i] = (ctype)t->field[i];                                        \
    } while (0)

enum atm_status atm__tensor_typed(const Onnx__TensorProto *t,
                                  enum atm_dtype dtype, uint64_t bytes,
                                  void **data)
{
    size_t n = (size_t)(bytes / atm_dtype_bytes(dtype)), i;
    enum atm_status st = typed_count(t, dtype, bytes);

    if (st)
        return st;
    *data = atm_alloc((size_t)bytes);
    if (!*data)
        return ATM_NOMEM;
    switch (dtype) {
    case ATM_F32:
        COPY_AS(float, float_data);
        break;
    case ATM_F64:
        COPY_AS(double, double_data);
        break;
    case ATM_I64:
        COPY_AS(int64_t, int64_data);
        break;
    case ATM_U64:
        COPY_AS(uint64_t, uint64_data);
        break;
    case ATM_U32:
        COPY_AS(uint32_t, uint64_data);
        break;
    case ATM_I32:
        COPY_AS(int32_t, int32_data);
        break;
    case ATM_I16:
    case ATM_U16:
    case ATM_F16:
    case ATM_BF16:
        COPY_AS(uint16_t, int32_data);
        break;
    case ATM_I8:
    case ATM_U8:
    case ATM_BOOL:
        COPY_AS(uint8_t, int32_data);
        break;
    case ATM_DTYPE_NONE:
    case ATM_DTYPE_COUNT:
        return atm_fail(ATM_INTERNAL, "tensor without an element type");
    }
    return ATM_OK;
}

static enum atm_status typed_constant(struct atm__importer *im,
                                      const Onnx__TensorProto *t,
                                      uint64_t bytes, uint32_t *constant)
{
    struct atm_constant c = {.kind = ATM_CONST_INLINE, .bytes = bytes};
    enum atm_status st;
    void *data;

    if (bytes > ATM_INLINE_MAX)
        return atm_fail(ATM_UNSUPPORTED,
                        "%" PRIu64 " bytes of data in a "
                        "field that is not contiguous in the file; write the "
                        "model with raw_data",
                        bytes);
    st = atm__tensor_typed(t, atm_dtype_from_onnx(t->data_type), bytes, &data);
    if (st)
        return st;
    c.data = data;
    st = atm_graph_add_constant(im->g, &c, constant);
    atm_free(data);
    return st;
}

enum atm_status atm__tensor_raw(const struct atm__scan *scan,
                                const Onnx__TensorProto *t, uint64_t bytes,
                                uint64_t *offset)
{
    const uint8_t *p = t->raw_data.data;
    const struct atm__raw *raw;
    uint32_t i;

    if (t->raw_data.len != 4)
        return atm_fail(ATM_INTERNAL, "raw_data was not scanned");
    i = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
        (uint32_t)p[3] << 24;
    if (i >= scan->n_raw)
        return atm_fail(ATM_INTERNAL, "raw_data was not scanned");
    raw = &scan->raw[i];
    if (t->n_float_data + t->n_double_data + t->n_int32_data + t->n_int64_data +
            t->n_uint64_data + t->n_string_data >
        0)
        return atm_fail(ATM_FORMAT, "data in two fields");
    if ((raw->field == 4 && t->data_type != 1) ||
        (raw->field == 10 && t->data_type != 11))
        return atm_fail(ATM_FORMAT, "data in a field of another type");
    if (raw->bytes != bytes)
        return atm_fail(ATM_FORMAT,
                        "%" PRIu64 " bytes of data, shape and "
                        "type need %" PRIu64,
                        raw->bytes, bytes);
    *offset = raw->offset;
    return ATM_OK;
}

static bool is_integer(int32_t onnx_type)
{
    switch (atm_dtype_from_onnx(onnx_type)) {
    case ATM_F32:
    case ATM_F64:
    case ATM_F16:
    case ATM_BF16:
        return false;
    default:
        return true;
    }
}

enum atm_status atm__tensor_constant(struct atm__importer *im,
                                     const Onnx__TensorProto *t, uint64_t bytes,
                                     uint32_t *constant)
{
    struct atm_constant c = {
        .kind = ATM_CONST_FILE, .bytes = bytes, .file = im->file};
    bool external =
        t->has_data_location &&
        t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    enum atm_status st;
    char data[COPY_MAX];
    void *more = NULL;

    if (external && t->has_raw_data)
        return atm_fail(ATM_FORMAT, "data both in the model and external");
    if (external)
        st = atm__external_open(im, t, bytes, &c.file, &c.offset);
    else if (t->has_raw_data)
        st = atm__tensor_raw(&im->scan, t, bytes, &c.offset);
    else
        return typed_constant(im, t, bytes, constant);
    if (st)
        return st;
    if (bytes <= COPY_MAX) {
        c.data = data;
    } else if (bytes <= ATM_INLINE_MAX && is_integer(t->data_type)) {
        more = atm_alloc(bytes); /* indices and shapes */
        c.data = more;
        if (!more)
            return ATM_NOMEM;
    }
    if (c.data) {
        c.kind = ATM_CONST_INLINE;
        st = atm__pread(im->g->file_fd[c.file], im->g->file[c.file], c.offset,
                        bytes, more ? more : data);
    }
    if (!st)
        st = atm_graph_add_constant(im->g, &c, constant);
    atm_free(more);
    return st;
}
