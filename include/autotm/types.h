/* types.h - element types, shapes and physical layouts. Plain values. */
#ifndef AUTOTM_TYPES_H
#define AUTOTM_TYPES_H

#include "autotm/status.h"

#include <stdbool.h>
#include <stdint.h>

#define ATM_NONE UINT32_MAX   /* "no id": absent optional input, no producer */
#define ATM_RANK_MAX 12       /* dimensions of a tensor */
#define ATM_ALIGN 64          /* every tensor starts and ends on a cache line */

/* name, bytes, ONNX TensorProto code, printed name */
#define ATM_DTYPE_LIST(X)                                                      \
    X(F32, 4, 1, "float")                                                      \
    X(U8, 1, 2, "uint8")                                                       \
    X(I8, 1, 3, "int8")                                                        \
    X(U16, 2, 4, "uint16")                                                     \
    X(I16, 2, 5, "int16")                                                      \
    X(I32, 4, 6, "int32")                                                      \
    X(I64, 8, 7, "int64")                                                      \
    X(BOOL, 1, 9, "bool")                                                      \
    X(F16, 2, 10, "float16")                                                   \
    X(F64, 8, 11, "double")                                                    \
    X(U32, 4, 12, "uint32")                                                    \
    X(U64, 8, 13, "uint64")                                                    \
    X(BF16, 2, 16, "bfloat16")

enum atm_dtype {
    ATM_DTYPE_NONE, /* unknown yet */
#define X(name, bytes, onnx, text) ATM_##name,
    ATM_DTYPE_LIST(X)
#undef X
    ATM_DTYPE_COUNT
};

size_t atm_dtype_bytes(enum atm_dtype dtype);
const char *atm_dtype_name(enum atm_dtype dtype);
int atm_dtype_to_onnx(enum atm_dtype dtype);
/* ATM_DTYPE_NONE if the code is unknown or has no fixed element size. */
enum atm_dtype atm_dtype_from_onnx(int code);

/* A concrete shape; rank 0 is a scalar with one element. Dimensions >= 0.
 *
 * `bound`: the dimensions depend on data, and `dim` holds proven upper bounds
 * of them. The bytes of such a tensor have room for all elements of the bound
 * and then, ATM_ALIGN-aligned, ATM_EXTENT_BYTES for its extent: the true
 * dimensions, one int64 each. Elements lie row-major in the true shape; what
 * is left of the room is zero, so that equal tensors have equal bytes. */
struct atm_shape {
    uint32_t rank;
    int64_t dim[ATM_RANK_MAX];
    bool bound;
};
#define ATM_EXTENT_BYTES (2 * ATM_ALIGN)

bool atm_shape_equal(const struct atm_shape *a, const struct atm_shape *b);
/* Elements, or bytes at `dtype`; fails (FORMAT) on overflow of int64. */
enum atm_status atm_shape_count(const struct atm_shape *s, int64_t *count);
enum atm_status atm_shape_bytes(const struct atm_shape *s,
                                enum atm_dtype dtype, uint64_t *bytes);
/* Where the extent of a bound shape's tensor lies; `data` is its first byte. */
void *atm_extent_at(const struct atm_shape *bound, enum atm_dtype dtype,
                    const void *data);
/* Replaces a bound shape by the true one; FORMAT if that is beyond it. */
enum atm_status atm_extent_read(struct atm_shape *s, enum atm_dtype dtype,
                                const void *data);
/* "2x3x224x224", "<=100x4" (bound), "scalar"; writes at most `cap` bytes,
 * returns buf. */
char *atm_shape_str(const struct atm_shape *s, char *buf, size_t cap);

/* How a logical shape lies in memory: outer dimensions in `order` (outermost
 * first), then `n_blocks` inner blocks, outermost first, each `block[i]`
 * elements of dimension `dim[i]`. Blocked dimensions are padded up to the
 * product of their blocks; padding elements are zero.
 *     row-major NCHW   order 0123, no blocks       "abcd"
 *     nChw16c          order 0123, block 16 of 1   "aBcd16b"
 *     OIhw16i16o       order 0123, 16 of 1, 16 of 0 "ABcd16b16a"
 */
#define ATM_BLOCKS_MAX 4
struct atm_layout {
    uint8_t n_blocks;
    uint8_t dim[ATM_BLOCKS_MAX];
    uint16_t block[ATM_BLOCKS_MAX];
    uint8_t order[ATM_RANK_MAX];
};

struct atm_layout atm_layout_plain(uint32_t rank);
bool atm_layout_is_plain(const struct atm_layout *l, uint32_t rank);
bool atm_layout_equal(const struct atm_layout *a, const struct atm_layout *b,
                      uint32_t rank);
/* Bytes with block padding, not yet rounded to ATM_ALIGN. */
enum atm_status atm_layout_bytes(const struct atm_layout *l,
                                 const struct atm_shape *s,
                                 enum atm_dtype dtype, uint64_t *bytes);
char *atm_layout_str(const struct atm_layout *l, uint32_t rank, char *buf,
                     size_t cap);
/* Element offset of a logical index (0 <= index[i] < dim[i]). */
uint64_t atm_layout_offset(const struct atm_layout *l,
                           const struct atm_shape *s, const int64_t *index);

/* 128-bit content hash (XXH3): identity of models, programs, kernels. */
struct atm_hash {
    uint64_t hi, lo;
};
bool atm_hash_equal(struct atm_hash a, struct atm_hash b);
#define ATM_HASH_STR 33
char *atm_hash_str(struct atm_hash h, char buf[ATM_HASH_STR]);
bool atm_hash_parse(const char *str, struct atm_hash *h);

#endif
