/* det.c - Det: the determinant of each matrix, by elimination with the
 * largest pivot of the column. */
#include "ref/elem.h"

#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    struct atm_shape y = call->in[0].shape;
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st)
        st = atm_need_rank(call, 0, 2);
    if (!st && y.dim[y.rank - 1] != y.dim[y.rank - 2])
        st = atm_fail(ATM_FORMAT, "the matrices are not square");
    if (st)
        return st;
    y.rank -= 2;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    uint64_t n = (uint64_t)x->dim[x->rank - 1];

    return n * n * sizeof(double);
}

/* Spoils the matrix. */
static double determinant(double *m, int64_t n)
{
    int64_t i, j, k, best;
    double det = 1;

    for (k = 0; k < n; k++) {
        for (best = k, i = k + 1; i < n; i++)
            if (fabs(m[i * n + k]) > fabs(m[best * n + k]))
                best = i;
        for (j = k; best != k && j < n; j++) {
            double t = m[k * n + j];

            m[k * n + j] = m[best * n + j];
            m[best * n + j] = t;
        }
        det *= best == k ? m[k * n + k] : -m[k * n + k];
        for (i = k + 1; det != 0 && i < n; i++) {
            double f = m[i * n + k] / m[k * n + k];

            for (j = k; j < n; j++)
                m[i * n + j] -= f * m[k * n + j];
        }
    }
    return det;
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    int64_t n = x->dim[x->rank - 1], count = atm_view_count(&call->out[0]);
    double *m = call->scratch;
    int64_t i, k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < n * n; k++)
            m[k] = atm__get_f(&call->in[0], i * n * n + k);
        atm__put_f(&call->out[0], i, determinant(m, n));
    }
    return ATM_OK;
}

const struct atm_op_impl atm_op_impl_Det = {
    .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
