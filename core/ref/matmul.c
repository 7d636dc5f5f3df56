/* matmul.c - MatMul as numpy.matmul. */
#include "ref/matrix.h"

#include "ref/elem.h"

static enum atm_status infer(struct atm_call *call)
{
    struct atm_matmul mm;
    enum atm_status st;

    st = atm_need_same_type(call, ATM__MATRIX_TYPES);
    if (!st)
        st = atm_matmul_infer(&call->in[0].shape, &call->in[1].shape, &mm);
    if (!st)
        atm_set_out(call, 0, call->in[0].dtype, &mm.out);
    return st;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *a = &call->in[0], *b = &call->in[1];
    const struct atm_view *y = &call->out[0];
    size_t each = atm_dtype_bytes(y->dtype);
    struct atm_matmul mm;
    struct atm__walk w;
    enum atm_status st;
    int64_t at = 0;

    st = atm_matmul_infer(&a->shape, &b->shape, &mm);
    if (st || atm_view_count(y) == 0)
        return st;
    atm__walk_begin(&w, &mm.batch);
    atm__walk_broadcast(&w, &mm.a_batch);
    atm__walk_broadcast(&w, &mm.b_batch);
    for (; w.left > 0; atm__walk_next(&w), at++) {
        struct atm__matrix fa = {(const char *)a->data +
                                     (size_t)(w.at[0] * mm.m * mm.k) * each,
                                 mm.k, 1};
        struct atm__matrix fb = {(const char *)b->data +
                                     (size_t)(w.at[1] * mm.k * mm.n) * each,
                                 mm.n, 1};

        atm__matmul(y->dtype, mm.m, mm.n, mm.k, fa, fb,
                    (char *)y->data + (size_t)(at * mm.m * mm.n) * each);
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_MatMul = {.infer = infer, .run = run};
