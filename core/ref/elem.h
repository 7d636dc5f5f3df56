/* elem.h - what reference kernels share: elements of any type as double or
 * int64, and walking over broadcast or permuted operands. Readable first: the
 * switch on the type is inside the loop and predicts perfectly. */
#ifndef ATM_CORE_REF_ELEM_H
#define ATM_CORE_REF_ELEM_H

#include "autotm/op.h"
#include "shape.h"

#include <string.h>

float atm__half_to_float(uint16_t h);
uint16_t atm__float_to_half(float f); /* nearest even */
float atm__bfloat_to_float(uint16_t h);
uint16_t atm__float_to_bfloat(float f);
/* The conversion of C, saturating where C leaves it undefined; NaN is 0. */
int64_t atm__double_to_i64(double x);
uint64_t atm__double_to_u64(double x);

static inline bool atm__is_float(enum atm_dtype t)
{
    return atm_type_in(t, ATM_TYPES_FLOAT);
}

/* Elements of a countable shape. */
static inline int64_t atm_view_count(const struct atm_view *v)
{
    uint32_t i;
    int64_t n = 1;

    for (i = 0; i < v->shape.rank; i++)
        if (v->shape.dim[i] == 0)
            return 0;
    for (i = 0; i < v->shape.rank; i++)
        n *= v->shape.dim[i];
    return n;
}

/* An integer or bool element; uint64 as its bit pattern. */
static inline int64_t atm__get_i(const struct atm_view *v, int64_t i)
{
    switch (v->dtype) {
    case ATM_U8:
        return ((const uint8_t *)v->data)[i];
    case ATM_I8:
        return ((const int8_t *)v->data)[i];
    case ATM_U16:
        return ((const uint16_t *)v->data)[i];
    case ATM_I16:
        return ((const int16_t *)v->data)[i];
    case ATM_I32:
        return ((const int32_t *)v->data)[i];
    case ATM_U32:
        return ((const uint32_t *)v->data)[i];
    case ATM_I64:
        return ((const int64_t *)v->data)[i];
    case ATM_U64:
        return (int64_t)((const uint64_t *)v->data)[i];
    case ATM_BOOL:
        return ((const uint8_t *)v->data)[i] != 0;
    default:
        return 0;
    }
}

/* Wraps to the element's width; any non-zero bool is true. */
static inline void atm__put_i(const struct atm_view *v, int64_t i, int64_t x)
{
    switch (v->dtype) {
    case ATM_U8:
        ((uint8_t *)v->data)[i] = (uint8_t)x;
        break;
    case ATM_I8:
        ((int8_t *)v->data)[i] = (int8_t)(uint8_t)x;
        break;
    case ATM_U16:
        ((uint16_t *)v->data)[i] = (uint16_t)x;
        break;
    case ATM_I16:
        ((int16_t *)v->data)[i] = (int16_t)(uint16_t)x;
        break;
    case ATM_I32:
        ((int32_t *)v->data)[i] = (int32_t)(uint32_t)x;
        break;
    case ATM_U32:
        ((uint32_t *)v->data)[i] = (uint32_t)x;
        break;
    case ATM_I64:
        ((int64_t *)v->data)[i] = x;
        break;
    case ATM_U64:
        ((uint64_t *)v->data)[i] = (uint64_t)x;
        break;
    case ATM_BOOL:
        ((uint8_t *)v->data)[i] = x != 0;
        break;
    default:
        break;
    }
}

/* Any element as double. */
static inline double atm__get_f(const struct atm_view *v, int64_t i)
{
    switch (v->dtype) {
    case ATM_F32:
        return (double)((const float *)v->data)[i];
    case ATM_F64:
        return ((const double *)v->data)[i];
    case ATM_F16:
        return (double)atm__half_to_float(((const uint16_t *)v->data)[i]);
    case ATM_BF16:
        return (double)atm__bfloat_to_float(((const uint16_t *)v->data)[i]);
    case ATM_U64:
        return (double)((const uint64_t *)v->data)[i];
    default:
        return (double)atm__get_i(v, i);
    }
}

static inline void atm__put_f(const struct atm_view *v, int64_t i, double x)
{
    switch (v->dtype) {
    case ATM_F32:
        ((float *)v->data)[i] = (float)x;
        break;
    case ATM_F64:
        ((double *)v->data)[i] = x;
        break;
    case ATM_F16:
        ((uint16_t *)v->data)[i] = atm__float_to_half((float)x);
        break;
    case ATM_BF16:
        ((uint16_t *)v->data)[i] = atm__float_to_bfloat((float)x);
        break;
    case ATM_U64:
        ((uint64_t *)v->data)[i] = atm__double_to_u64(x);
        break;
    case ATM_BOOL:
        ((uint8_t *)v->data)[i] = x != 0;
        break;
    default:
        atm__put_i(v, i, atm__double_to_i64(x));
        break;
    }
}

/* y[to] = x[from], whatever the type (the same for both). */
static inline void atm__move(const struct atm_view *y, int64_t to,
                             const struct atm_view *x, int64_t from)
{
    switch (atm_dtype_bytes(y->dtype)) {
    case 1:
        ((uint8_t *)y->data)[to] = ((const uint8_t *)x->data)[from];
        break;
    case 2:
        ((uint16_t *)y->data)[to] = ((const uint16_t *)x->data)[from];
        break;
    case 4:
        memcpy((char *)y->data + 4 * to, (const char *)x->data + 4 * from, 4);
        break;
    default:
        memcpy((char *)y->data + 8 * to, (const char *)x->data + 8 * from, 8);
        break;
    }
}

/* Copies all bytes of in[0] to out[0] unless they are the same memory. */
void atm__copy_view(const struct atm_call *call);

/* Walks over a shape in row-major order while up to three operands move by
 * their own strides (elements):
 *     for (atm__walk_begin(&w, &shape); w.left > 0; atm__walk_next(&w))
 * An operand that broadcasts has stride 0 in the dimensions it lacks. */
#define ATM_WALK_MAX 3
struct atm__walk {
    uint32_t rank, n;
    int64_t left;
    int64_t dim[ATM_RANK_MAX], index[ATM_RANK_MAX];
    int64_t at[ATM_WALK_MAX];
    int64_t stride[ATM_WALK_MAX][ATM_RANK_MAX];
};
void atm__walk_begin(struct atm__walk *w, const struct atm_shape *shape);
/* Adds an operand of shape `s`, right-aligned as numpy broadcasts. */
void atm__walk_broadcast(struct atm__walk *w, const struct atm_shape *s);
/* Adds an operand with strides of its own that begins at element `at`. */
void atm__walk_strided(struct atm__walk *w, int64_t at, const int64_t *stride);
void atm__walk_next(struct atm__walk *w);

/* Row-major strides in elements. */
void atm__strides(const struct atm_shape *s, int64_t *stride);

#endif
