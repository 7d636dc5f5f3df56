/* matrix.h - the product that MatMul and Gemm share. */
#ifndef ATM_CORE_REF_MATRIX_H
#define ATM_CORE_REF_MATRIX_H

#include "autotm/types.h"

#define ATM__MATRIX_TYPES                                                      \
    (ATM_TYPES_FLOAT | ATM_TYPE(I32) | ATM_TYPE(U32) | ATM_TYPE(I64) |         \
     ATM_TYPE(U64))

/* A factor: element (r, c) lies at data[r * row + c * col]. */
struct atm__matrix {
    const void *data;
    int64_t row, col;
};

/* y[m][n] (row-major, dense) = a[m][k] b[k][n] in the type's own arithmetic;
 * integers wrap, 16-bit floats are summed up in float and rounded once. */
void atm__matmul(enum atm_dtype dtype, int64_t m, int64_t n, int64_t k,
                 struct atm__matrix a, struct atm__matrix b, void *y);

#endif
