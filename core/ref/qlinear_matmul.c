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
    enum atm_dtype type = call->in[7].dtype;
    struct atm_shape y = {.rank = 0};
    enum atm_status st = atm__matmul_int_infer(call, &factors, &y);

    if (!st)
        st = atm__int_scale_check(call, 1, rows_of(&call->in[0].shape));
    if (!st)
        st = atm__int_scale_check(call, 4, cols_of(&call->in[3].shape));
    if (!st)
        st = atm__int_scale_check(call, 6, 1);
    if (!st)
        st = atm_need_type(call, 7, ATM_TYPE(U8) | ATM_TYPE(I8));
    if (!st && atm_view_count(&call->in[7]) != 1)
        st = atm_fail(ATM_FORMAT, "input 7 (zero point) is no scalar");
    if (!st)
        atm_set_out(call, 0, type, &y);
    return st;
}

static void sink(const struct atm_call *call, int64_t at, int64_t sum,
                 int64_t row, int64_t col)
{
    double scale = atm__int_param(call, 1, row) * atm__int_param(call, 4, col) /
                   atm__int_param(call, 6, 0);

    atm__int_requantize(call, at, (double)sum * scale,
                        atm__int_param(call, 7, 0));
}

static enum atm_status run(const struct atm_call *call)
{
    return atm__matmul_int_run(call, &factors, sink);
}

const struct atm_op_impl atm_op_impl_QLinearMatMul = {.infer = infer,
                                                      .run = run};
