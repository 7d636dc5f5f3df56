/* quantized.h - products of 8-bit integers with zero points: what ConvInteger,
 * MatMulInteger and their QLinear forms share. */
#ifndef ATM_CORE_REF_QUANTIZED_H
#define ATM_CORE_REF_QUANTIZED_H

#include "ref/elem.h"

extern const struct atm_attr_def atm__conv_int_attrs[];

/* Where an operator's factors stand among its inputs. */
struct atm__int_factors {
    uint32_t a, a_zero, b, b_zero;
};

/* Takes sum number `at` of the result. `row` and `col` number its row (the
 * channel of a convolution) and column: which zero point and scale it has. */
typedef void atm__int_sink(const struct atm_call *call, int64_t at, int64_t sum,
                           int64_t row, int64_t col);

/* Checks types and shapes; *y is the shape of the result. */
enum atm_status atm__conv_int_infer(const struct atm_call *call,
                                    const struct atm__int_factors *f,
                                    struct atm_shape *y);
enum atm_status atm__conv_int_run(const struct atm_call *call,
                                  const struct atm__int_factors *f,
                                  atm__int_sink *sink);
enum atm_status atm__matmul_int_infer(const struct atm_call *call,
                                      const struct atm__int_factors *f,
                                      struct atm_shape *y);
enum atm_status atm__matmul_int_run(const struct atm_call *call,
                                    const struct atm__int_factors *f,
                                    atm__int_sink *sink);

/* Sink of the plain integer forms: the sum, as int32 wraps. */
void atm__int_store(const struct atm_call *call, int64_t at, int64_t sum,
                    int64_t row, int64_t col);

/* QLinear forms: inputs 1, 4 and 6 are the scales of a, b and the result, 7 the
 * result's zero point; a's scale has one element or `rows`, b's one or `cols`.
 * Sets the output. */
enum atm_status atm__int_quantized_infer(struct atm_call *call, int64_t rows,
                                         int64_t cols,
                                         const struct atm_shape *y);
/* Their sink: the sum, and input 8 (bias of the row) if there is one, in the
 * result's scale; saturated, halves to even. */
void atm__int_requantize(const struct atm_call *call, int64_t at, int64_t sum,
                         int64_t row, int64_t col);

#endif
