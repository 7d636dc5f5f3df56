/* shape.h - shape rules that several operators share, and the checks of what
 * their inputs and attributes may be. All sentences name the subject; the
 * caller adds the node. Shared inside the project, not installed. */
#ifndef ATM_CORE_SHAPE_H
#define ATM_CORE_SHAPE_H

#include "autotm/op.h"

/* Sets of element types: ATM_TYPE(F32) | ATM_TYPE(F64). */
#define ATM_TYPE(name) (1u << ATM_##name)
#define ATM_TYPES_FLOAT                                                        \
    (ATM_TYPE(F16) | ATM_TYPE(BF16) | ATM_TYPE(F32) | ATM_TYPE(F64))
#define ATM_TYPES_SIGNED                                                       \
    (ATM_TYPE(I8) | ATM_TYPE(I16) | ATM_TYPE(I32) | ATM_TYPE(I64))
#define ATM_TYPES_UNSIGNED                                                     \
    (ATM_TYPE(U8) | ATM_TYPE(U16) | ATM_TYPE(U32) | ATM_TYPE(U64))
#define ATM_TYPES_NUMBER                                                       \
    (ATM_TYPES_FLOAT | ATM_TYPES_SIGNED | ATM_TYPES_UNSIGNED)
#define ATM_TYPES_ALL (ATM_TYPES_NUMBER | ATM_TYPE(BOOL))

static inline bool atm_type_in(enum atm_dtype dtype, uint32_t types)
{
    return (unsigned)dtype < ATM_DTYPE_COUNT && (types >> dtype & 1);
}

/* Input `in` has one of `types`; UNSUPPORTED lists them otherwise. */
enum atm_status atm_need_type(const struct atm_call *call, uint32_t in,
                              uint32_t types);
/* All present inputs have the type of input 0, which is one of `types`. */
enum atm_status atm_need_same_type(const struct atm_call *call, uint32_t types);
enum atm_status atm_need_rank(const struct atm_call *call, uint32_t in,
                              uint32_t at_least);
/* The elements of a small integer input (int64 or int32, rank 0 or 1), at
 * most `max` of them. UNSUPPORTED if it is not a constant; `what` is its name
 * in the operator's documentation. */
enum atm_status atm_need_ints(const struct atm_call *call, uint32_t in,
                              const char *what, uint32_t max, int64_t *ints,
                              uint32_t *n);
/* The same from an attribute; an absent one gives *n = 0. */
enum atm_status atm_attr_ints(const struct atm_node *node, const char *name,
                              uint32_t max, int64_t *ints, uint32_t *n);

/* Present and not omitted. */
static inline bool atm_has_in(const struct atm_call *call, uint32_t in)
{
    return in < call->n_in && call->in[in].present;
}
static inline bool atm_has_out(const struct atm_call *call, uint32_t out)
{
    return out < call->n_out && call->out[out].present;
}

/* out[out] = this type and shape, if the output is wanted. */
void atm_set_out(struct atm_call *call, uint32_t out, enum atm_dtype dtype,
                 const struct atm_shape *shape);
/* The rule "same": out[0] is like in[0]. */
enum atm_status atm_infer_same(struct atm_call *call, uint32_t types);

/* -rank <= axis < rank, else FORMAT; negative counts from the end. */
enum atm_status atm_axis(int64_t axis, uint32_t rank, uint32_t *normal);
/* A list of distinct axes as a bit set. */
enum atm_status atm_axes(const int64_t *axis, uint32_t n, uint32_t rank,
                         uint32_t *set);

/* Product of dimensions [first, last); the shape is countable. */
int64_t atm_dims_product(const struct atm_shape *s, uint32_t first,
                         uint32_t last);

/* numpy's rule: *a grows to the common shape of *a and b. */
enum atm_status atm_broadcast(struct atm_shape *a, const struct atm_shape *b);
/* Shape of in[1] as in[0] sees it: opset 6 aligned it at attribute `axis`,
 * and only with `broadcast`=1; since opset 7 it is numpy's rule. */
enum atm_status atm_legacy_broadcast(const struct atm_call *call,
                                     struct atm_shape *b);

/* numpy.matmul: vectors are promoted, leading dimensions broadcast. `batch` is
 * the broadcast of the leading dimensions. */
struct atm_matmul {
    int64_t m, n, k;
    struct atm_shape batch, a_batch, b_batch, out;
};
enum atm_status atm_matmul_infer(const struct atm_shape *a,
                                 const struct atm_shape *b,
                                 struct atm_matmul *mm);

/* The sliding window of convolutions and pools over the dimensions behind N
 * and C, with auto_pad resolved. Every member fits in 31 bits save `in` and
 * `out`. With ceil_mode the last window may reach beyond in + end. */
struct atm_window {
    uint32_t rank; /* spatial dimensions, >= 1 */
    int64_t in[ATM_RANK_MAX], kernel[ATM_RANK_MAX], stride[ATM_RANK_MAX];
    int64_t dilation[ATM_RANK_MAX], begin[ATM_RANK_MAX], end[ATM_RANK_MAX];
    int64_t out[ATM_RANK_MAX];
};
/* `weight`: dimensions 2... are the kernel, and attribute kernel_shape must
 * agree; null: kernel_shape is required. */
enum atm_status atm_window_infer(const struct atm_node *node,
                                 const struct atm_shape *x,
                                 const struct atm_shape *weight,
                                 struct atm_window *w);
/* The same for ConvTranspose, as the window of the convolution whose gradient
 * it is: `in` is the size of its output, `out` that of its input `x`. `end`
 * may be negative: so much of the output's end no window reaches. */
enum atm_status atm_window_transposed(const struct atm_node *node,
                                      const struct atm_shape *x,
                                      const struct atm_shape *weight,
                                      struct atm_window *w);

#endif
