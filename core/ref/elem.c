/* elem.c - conversions of elements, and walking over operands. */
#include "ref/elem.h"

#include <math.h>

float atm__half_to_float(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float x;

    if (exponent == 31)
        x = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        x = ldexpf((float)fraction, -24);
    else
        x = ldexpf((float)(fraction + 1024), exponent - 25);
    return h >> 15 ? -x : x;
}

uint16_t atm__float_to_half(float f)
{
    uint32_t sign = signbit(f) ? 0x8000u : 0, bits;
    float x = fabsf(f);
    int exponent;

    if (isnan(f))
        return (uint16_t)(sign | 0x7e00);
    if (x >= 65520.0f)
        return (uint16_t)(sign | 0x7c00);
    if (x < 6.103515625e-05f) /* below the least normal number */
        return (uint16_t)(sign | (uint32_t)lrintf(ldexpf(x, 24)));
    (void)frexpf(x, &exponent);
    /* 11 significant bits; a carry into the exponent is as it should be */
    bits = (uint32_t)lrintf(ldexpf(x, 11 - exponent));
    return (uint16_t)(sign | (bits + ((uint32_t)(exponent + 13) << 10)));
}

float atm__bfloat_to_float(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

uint16_t atm__float_to_bfloat(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    if (isnan(f))
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

int64_t atm__double_to_i64(double x)
{
    if (isnan(x))
        return 0;
    if (x >= 9223372036854775808.0)
        return INT64_MAX;
    if (x < -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)x;
}

uint64_t atm__double_to_u64(double x)
{
    if (isnan(x))
        return 0;
    if (x < 0)
        return (uint64_t)atm__double_to_i64(x);
    if (x >= 18446744073709551616.0)
        return UINT64_MAX;
    return (uint64_t)x;
}

void atm__copy_view(const struct atm_call *call)
{
    const struct atm_view *x = &call->in[0], *y = &call->out[0];

    if (x->data != y->data && atm_view_count(y) > 0)
        memcpy(y->data, x->data,
               (size_t)atm_view_count(y) * atm_dtype_bytes(y->dtype));
}

void atm__walk_begin(struct atm__walk *w, const struct atm_shape *shape)
{
    uint32_t i;

    memset(w, 0, sizeof(*w));
    w->rank = shape->rank;
    w->left = 1;
    for (i = 0; i < shape->rank; i++)
        w->dim[i] = shape->dim[i];
    for (i = 0; i < shape->rank; i++)
        if (shape->dim[i] == 0)
            w->left = 0;
    for (i = 0; w->left && i < shape->rank; i++)
        w->left *= shape->dim[i];
}

void atm__strides(const struct atm_shape *s, int64_t *stride)
{
    int64_t step = 1;
    uint32_t i;

    for (i = s->rank; i-- > 0;) {
        stride[i] = step;
        if (s->dim[i] > 0) /* an empty tensor is never walked */
            step = (int64_t)((uint64_t)step * (uint64_t)s->dim[i]);
    }
}

void atm__walk_strided(struct atm__walk *w, int64_t at, const int64_t *stride)
{
    memcpy(w->stride[w->n], stride, w->rank * sizeof(*stride));
    w->at[w->n++] = at;
}

void atm__walk_broadcast(struct atm__walk *w, const struct atm_shape *s)
{
    int64_t own[ATM_RANK_MAX], stride[ATM_RANK_MAX] = {0};
    uint32_t shift = w->rank - s->rank, i;

    atm__strides(s, own);
    for (i = 0; i < s->rank; i++)
        stride[i + shift] = s->dim[i] == 1 ? 0 : own[i];
    atm__walk_strided(w, 0, stride);
}

void atm__walk_next(struct atm__walk *w)
{
    uint32_t d = w->rank, k;

    w->left--;
    while (d-- > 0) {
        if (++w->index[d] < w->dim[d]) {
            for (k = 0; k < w->n; k++)
                w->at[k] += w->stride[k][d];
            return;
        }
        for (k = 0; k < w->n; k++)
            w->at[k] -= (w->dim[d] - 1) * w->stride[k][d];
        w->index[d] = 0;
    }
}
