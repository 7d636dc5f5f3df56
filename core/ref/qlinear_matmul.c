/* qlinear_matmul.c - QLinearMatMul: a product of quantised matrices, quantised
 * again. */
#include "ref/quantized.h"

static const struct atm__int_factors factors = {0, 2, 3, 5};

static int64_t rows_of(const struct atm_shape *a)
{
    return a->rank > 1 ? a->dim[a->rank - 2] : 1;
}

static int64_t cols_of(const struct atm_shape *b)
{
    return b->rank > 1 ? b->dim[b->rank - 1] : 1;
}

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = {.rank = 0};
    enum atm_status st = atm__matmul_int_infer(call, &factors, &y);

    return st ? st
              : atm__int_quantized_infer(call, rows_of(&call->in[0].shape),
                                         cols_of(&call->in[3].shape), &y);
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__matmul_int_run(call, &factors, atm__int_requantize);
}

const struct atm_op_impl atm_op_impl_QLinearMatMul = {.infer = infer,
                                                      .run = run};
