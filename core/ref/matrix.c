/* matrix.c - the product that MatMul and Gemm share. Rows of the result are
 * accumulated in place, so that the inner loop runs along memory. */
#include "ref/matrix.h"

#include "ref/elem.h"

#define MATMUL(T)                                                              \
    static void matmul_##T(int64_t m, int64_t n, int64_t k,                    \
                           struct atm__matrix a, struct atm__matrix b, T *y)   \
    {                                                                          \
        int64_t i, j, l;                                                       \
                                                                               \
        for (i = 0; i < m; i++, y += n) {                                      \
            for (j = 0; j < n; j++)                                            \
                y[j] = 0;                                                      \
            for (l = 0; l < k; l++) {                                          \
                T x = ((const T *)a.data)[i * a.row + l * a.col];              \
                const T *row = (const T *)b.data + l * b.row;                  \
                                                                               \
                for (j = 0; j < n; j++)                                        \
                    y[j] += x * row[j * b.col];                                \
            }                                                                  \
        }                                                                      \
    }

MATMUL(float)
MATMUL(double)
MATMUL(uint32_t)
MATMUL(uint64_t)

#define TILE 64 /* columns that are summed up at once */

/* 16-bit floats: sums in float, a tile of a row at a time. */
static void matmul_half(enum atm_dtype type, int64_t m, int64_t n, int64_t k,
                        struct atm__matrix a, struct atm__matrix b, void *y)
{
    const struct atm_view va = {.dtype = type, .data = (void *)a.data};
    const struct atm_view vb = {.dtype = type, .data = (void *)b.data};
    const struct atm_view vy = {.dtype = type, .data = y};
    float sum[TILE];
    int64_t i, j, l, t;

    for (i = 0; i < m; i++)
        for (j = 0; j < n; j += TILE) {
            int64_t width = n - j < TILE ? n - j : TILE;

            memset(sum, 0, sizeof(sum));
            for (l = 0; l < k; l++) {
                float x = (float)atm__get_f(&va, i * a.row + l * a.col);

                for (t = 0; t < width; t++)
                    sum[t] +=
                        x * (float)atm__get_f(&vb, l * b.row + (j + t) * b.col);
            }
            for (t = 0; t < width; t++)
                atm__put_f(&vy, i * n + j + t, (double)sum[t]);
        }
}

void atm__matmul(enum atm_dtype dtype, int64_t m, int64_t n, int64_t k,
                 struct atm__matrix a, struct atm__matrix b, void *y)
{
    switch (dtype) {
    case ATM_F32:
        matmul_float(m, n, k, a, b, y);
        break;
    case ATM_F64:
        matmul_double(m, n, k, a, b, y);
        break;
    case ATM_I32:
    case ATM_U32:
        matmul_uint32_t(m, n, k, a, b, y);
        break;
    case ATM_I64:
    case ATM_U64:
        matmul_uint64_t(m, n, k, a, b, y);
        break;
    case ATM_F16:
    case ATM_BF16:
        matmul_half(dtype, m, n, k, a, b, y);
        break;
    default:
        break;
    }
}
