/* types.c - element types, shapes, layouts, hashes. */
#include "autotm/types.h"

#include "checked.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    size_t bytes;
    int onnx;
    const char *name;
} dtypes[ATM_DTYPE_COUNT] = {[ATM_DTYPE_NONE] = {0, 0, "undefined"},
#define X(id, size, code, text) [ATM_##id] = {size, code, text},
                             ATM_DTYPE_LIST(X)
#undef X
};

size_t atm_dtype_bytes(enum atm_dtype dtype)
{
    return (unsigned)dtype < ATM_DTYPE_COUNT ? dtypes[dtype].bytes : 0;
}

const char *atm_dtype_name(enum atm_dtype dtype)
{
    return (unsigned)dtype < ATM_DTYPE_COUNT ? dtypes[dtype].name : "?";
}

int atm_dtype_to_onnx(enum atm_dtype dtype)
{
    return (unsigned)dtype < ATM_DTYPE_COUNT ? dtypes[dtype].onnx : 0;
}

enum atm_dtype atm_dtype_from_onnx(int code)
{
    int i;

    for (i = 1; i < ATM_DTYPE_COUNT; i++)
        if (dtypes[i].onnx == code)
            return (enum atm_dtype)i;
    return ATM_DTYPE_NONE;
}

bool atm_shape_equal(const struct atm_shape *a, const struct atm_shape *b)
{
    return a->rank == b->rank && a->bound == b->bound &&
           memcmp(a->dim, b->dim, a->rank * sizeof(a->dim[0])) == 0;
}

enum atm_status atm_shape_count(const struct atm_shape *s, int64_t *count)
{
    char text[128];
    int64_t n = 1;
    bool zero = false, ok = true;
    uint32_t i;

    if (s->rank > ATM_RANK_MAX)
        return atm_fail(ATM_FORMAT, "rank %" PRIu32 " is above %d", s->rank,
                        ATM_RANK_MAX);
    for (i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0)
            return atm_fail(ATM_FORMAT, "dimension %" PRIu32 " is %" PRId64, i,
                            s->dim[i]);
        zero |= s->dim[i] == 0;
        ok = ok && atm_mul_i64(n, s->dim[i], &n);
    }
    if (!ok && !zero)
        return atm_fail(ATM_FORMAT, "shape %s has too many elements",
                        atm_shape_str(s, text, sizeof(text)));
    *count = zero ? 0 : n;
    return ATM_OK;
}

enum atm_status atm_shape_bytes(const struct atm_shape *s, enum atm_dtype dtype,
                                uint64_t *bytes)
{
    enum atm_status st;
    char text[128];
    int64_t n;

    st = atm_shape_count(s, &n);
    if (st)
        return st;
    if (!atm_mul_u64((uint64_t)n, atm_dtype_bytes(dtype), bytes) ||
        (s->bound && (!atm_round_up(*bytes, ATM_ALIGN, bytes) ||
                      !atm_add_u64(*bytes, ATM_EXTENT_BYTES, bytes))) ||
        *bytes > INT64_MAX / 2)
        return atm_fail(ATM_FORMAT, "shape %s of %s has too many bytes",
                        atm_shape_str(s, text, sizeof(text)),
                        atm_dtype_name(dtype));
    return ATM_OK;
}

void *atm_extent_at(const struct atm_shape *bound, enum atm_dtype dtype,
                    const void *data)
{
    uint64_t bytes = ATM_EXTENT_BYTES;

    static_assert(ATM_RANK_MAX * sizeof(int64_t) <= ATM_EXTENT_BYTES,
                  "room for an extent");
    (void)atm_shape_bytes(bound, dtype, &bytes); /* it is countable */
    return (char *)data + (size_t)(bytes - ATM_EXTENT_BYTES);
}

enum atm_status atm_extent_read(struct atm_shape *s, enum atm_dtype dtype,
                                const void *data)
{
    char text[128];
    int64_t real[ATM_RANK_MAX];
    uint32_t i;

    if (!s->bound)
        return ATM_OK;
    memcpy(real, atm_extent_at(s, dtype, data), s->rank * sizeof(*real));
    for (i = 0; i < s->rank; i++)
        if (real[i] < 0 || real[i] > s->dim[i])
            return atm_fail(ATM_FORMAT,
                            "dimension %" PRIu32 " of a tensor of %s is "
                            "%" PRId64,
                            i, atm_shape_str(s, text, sizeof(text)), real[i]);
    memcpy(s->dim, real, s->rank * sizeof(*real));
    s->bound = false;
    return ATM_OK;
}

char *atm_shape_str(const struct atm_shape *s, char *buf, size_t cap)
{
    size_t n = 0;
    uint32_t i;

    if (cap)
        (void)snprintf(buf, cap, "scalar");
    for (i = 0; i < s->rank && i < ATM_RANK_MAX && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%s%" PRId64,
                              i          ? "x"
                              : s->bound ? "<="
                                         : "",
                              s->dim[i]);
    return buf;
}

struct atm_layout atm_layout_plain(uint32_t rank)
{
    struct atm_layout l = {0};
    uint32_t i;

    for (i = 0; i < rank && i < ATM_RANK_MAX; i++)
        l.order[i] = (uint8_t)i;
    return l;
}

bool atm_layout_is_plain(const struct atm_layout *l, uint32_t rank)
{
    uint32_t i;

    for (i = 0; i < rank; i++)
        if (l->order[i] != i)
            return false;
    return l->n_blocks == 0;
}

bool atm_layout_equal(const struct atm_layout *a, const struct atm_layout *b,
                      uint32_t rank)
{
    uint32_t i;

    if (a->n_blocks != b->n_blocks || memcmp(a->order, b->order, rank) != 0)
        return false;
    for (i = 0; i < a->n_blocks; i++)
        if (a->dim[i] != b->dim[i] || a->block[i] != b->block[i])
            return false;
    return true;
}

/* Product of the blocks of dimension d. */
static int64_t block_of(const struct atm_layout *l, uint32_t d)
{
    int64_t b = 1;
    uint32_t i;

    for (i = 0; i < l->n_blocks; i++)
        if (l->dim[i] == d)
            b *= l->block[i];
    return b;
}

enum atm_status atm_layout_bytes(const struct atm_layout *l,
                                 const struct atm_shape *s,
                                 enum atm_dtype dtype, uint64_t *bytes)
{
    struct atm_shape padded = *s;
    uint64_t up;
    uint32_t d;

    if (s->rank > ATM_RANK_MAX)
        return atm_fail(ATM_FORMAT, "rank %" PRIu32 " is above %d", s->rank,
                        ATM_RANK_MAX);
    for (d = 0; d < s->rank; d++) {
        if (s->dim[d] < 0 ||
            !atm_round_up((uint64_t)s->dim[d], (uint64_t)block_of(l, d), &up) ||
            up > INT64_MAX)
            return atm_fail(ATM_FORMAT, "dimension %" PRIu32 " is %" PRId64, d,
                            s->dim[d]);
        padded.dim[d] = (int64_t)up;
    }
    return atm_shape_bytes(&padded, dtype, bytes);
}

char *atm_layout_str(const struct atm_layout *l, uint32_t rank, char *buf,
                     size_t cap)
{
    size_t n = 0;
    uint32_t i;

    if (cap)
        buf[0] = '\0';
    for (i = 0; i < rank && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%c",
                              (block_of(l, l->order[i]) > 1 ? 'A' : 'a') +
                                  l->order[i]);
    for (i = 0; i < l->n_blocks && n < cap; i++)
        n += (size_t)snprintf(buf + n, cap - n, "%u%c", l->block[i],
                              'a' + l->dim[i]);
    return buf;
}

uint64_t atm_layout_offset(const struct atm_layout *l,
                           const struct atm_shape *s, const int64_t *index)
{
    int64_t left[ATM_RANK_MAX], size[ATM_RANK_MAX];
    uint64_t off = 0, stride = 1;
    uint32_t d;
    int i;

    for (d = 0; d < s->rank; d++) {
        int64_t b = block_of(l, d);

        left[d] = index[d];
        size[d] = (s->dim[d] + b - 1) / b;
    }
    for (i = l->n_blocks - 1; i >= 0; i--) {
        d = l->dim[i];
        off += (uint64_t)(left[d] % l->block[i]) * stride;
        left[d] /= l->block[i];
        stride *= l->block[i];
    }
    for (i = (int)s->rank - 1; i >= 0; i--) {
        d = l->order[i];
        off += (uint64_t)left[d] * stride;
        stride *= (uint64_t)size[d];
    }
    return off;
}

bool atm_hash_equal(struct atm_hash a, struct atm_hash b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

char *atm_hash_str(struct atm_hash h, char buf[ATM_HASH_STR])
{
    (void)snprintf(buf, ATM_HASH_STR, "%016" PRIx64 "%016" PRIx64, h.hi, h.lo);
    return buf;
}

bool atm_hash_parse(const char *str, struct atm_hash *h)
{
    uint64_t half[2] = {0, 0};
    int i;

    for (i = 0; i < 32; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = str[i] ? strchr(digits, str[i]) : NULL;

        if (!at)
            return false;
        half[i / 16] = half[i / 16] << 4 | (uint64_t)(at - digits);
    }
    if (str[32] != '\0')
        return false;
    h->hi = half[0];
    h->lo = half[1];
    return true;
}
