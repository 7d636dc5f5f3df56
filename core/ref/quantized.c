/* quantized.c - products of 8-bit integers with zero points. Sums are exact;
 * padding is the zero point, so that it adds nothing. */
#include "ref/quantized.h"

#include "ref/window.h"

#include <inttypes.h>
#include <math.h>

#define BYTES (ATM_TYPE(U8) | ATM_TYPE(I8))

const struct atm_attr_def atm__conv_int_attrs[] = {
    {.name = "auto_pad", .kind = ATM_ATTR_STRING},
    {.name = "dilations", .kind = ATM_ATTR_INTS},
    {.name = "group", .kind = ATM_ATTR_INT},
    {.name = "kernel_shape", .kind = ATM_ATTR_INTS},
    {.name = "pads", .kind = ATM_ATTR_INTS},
    {.name = "strides", .kind = ATM_ATTR_INTS},
    {.name = NULL}};

/* A zero point has its factor's type and one element or n. */
static enum atm_status check_zero(const struct atm_call *call, uint32_t factor,
                                  uint32_t zero, int64_t n)
{
    const struct atm_view *z = &call->in[zero];

    if (!atm_has_in(call, zero))
        return ATM_OK;
    if (z->dtype != call->in[factor].dtype)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " (zero point) is of type %s, its "
                        "factor of %s",
                        zero, atm_dtype_name(z->dtype),
                        atm_dtype_name(call->in[factor].dtype));
    if (atm_view_count(z) != 1 && atm_view_count(z) != n)
        return atm_fail(ATM_FORMAT,
                        "input %" PRIu32 " (zero point) has neither one "
                        "element nor %" PRId64,
                        zero, n);
    return ATM_OK;
}

static int64_t zero_of(const struct atm_call *call, uint32_t in, int64_t i)
{
    if (!atm_has_in(call, in))
        return 0;
    return atm__get_i(&call->in[in],
                      atm_view_count(&call->in[in]) == 1 ? 0 : i);
}

static enum atm_status check_factors(const struct atm_call *call,
                                     const struct atm__int_factors *f)
{
    enum atm_status st = atm_need_type(call, f->a, BYTES);

    return st ? st : atm_need_type(call, f->b, BYTES);
}

enum atm_status atm__conv_int_infer(const struct atm_call *call,
                                    const struct atm__int_factors *f,
                                    struct atm_shape *y)
{
    const struct atm_shape *k = &call->in[f->b].shape;
    enum atm_status st = check_factors(call, f);
    struct atm_window w;

    if (!st)
        st = atm__conv_shape(call->node, &call->in[f->a].shape, k, &w, y);
    if (!st)
        st = check_zero(call, f->a, f->a_zero, 1);
    if (!st)
        st = check_zero(call, f->b, f->b_zero, k->dim[0]);
    return st;
}

enum atm_status atm__conv_int_run(const struct atm_call *call,
                                  const struct atm__int_factors *f,
                                  atm__int_sink *sink)
{
    const struct atm_view *x = &call->in[f->a], *k = &call->in[f->b];
    double x_zero = (double)zero_of(call, f->a_zero, 0);
    int64_t group = atm_node_int(call->node, "group", 1), at = 0;
    struct atm__walk walk;
    struct atm_window w;
    struct atm_shape y;
    enum atm_status st;

    st = atm__conv_shape(call->node, &x->shape, &k->shape, &w, &y);
    if (st)
        return st;
    for (atm__walk_begin(&walk, &y); walk.left > 0; atm__walk_next(&walk)) {
        int64_t m = walk.index[1];
        double sum =
            atm__conv_sum(x, x_zero, k, (double)zero_of(call, f->b_zero, m), &w,
                          group, walk.index); /* exact: 16 bits a product */

        sink(call, at++, atm__double_to_i64(sum), m, m);
    }
    return ATM_OK;
}

enum atm_status atm__matmul_int_infer(const struct atm_call *call,
                                      const struct atm__int_factors *f,
                                      struct atm_shape *y)
{
    enum atm_status st = check_factors(call, f);
    struct atm_matmul mm;

    if (!st)
        st =
            atm_matmul_infer(&call->in[f->a].shape, &call->in[f->b].shape, &mm);
    if (!st)
        st = check_zero(call, f->a, f->a_zero, mm.m);
    if (!st)
        st = check_zero(call, f->b, f->b_zero, mm.n);
    if (!st)
        *y = mm.out;
    return st;
}

enum atm_status atm__matmul_int_run(const struct atm_call *call,
                                    const struct atm__int_factors *f,
                                    atm__int_sink *sink)
{
    const struct atm_view *a = &call->in[f->a], *b = &call->in[f->b];
    int64_t at = 0, row, col, k;
    struct atm_matmul mm;
    struct atm__walk w;
    enum atm_status st;

    st = atm_matmul_infer(&a->shape, &b->shape, &mm);
    if (st)
        return st;
    atm__walk_begin(&w, &mm.batch);
    atm__walk_broadcast(&w, &mm.a_batch);
    atm__walk_broadcast(&w, &mm.b_batch);
    for (; w.left > 0; atm__walk_next(&w))
        for (row = 0; row < mm.m; row++)
            for (col = 0; col < mm.n; col++) {
                int64_t a_zero = zero_of(call, f->a_zero, row), sum = 0;
                int64_t b_zero = zero_of(call, f->b_zero, col);

                for (k = 0; k < mm.k; k++)
                    sum += (atm__get_i(a, (w.at[0] * mm.m + row) * mm.k + k) -
                            a_zero) *
                           (atm__get_i(b, (w.at[1] * mm.k + k) * mm.n + col) -
                            b_zero);
                sink(call, at++, sum, row, col);
            }
    return ATM_OK;
}

void atm__int_store(const struct atm_call *call, int64_t at, int64_t sum,
                    int64_t row, int64_t col)
{
    (void)row;
    (void)col;
    atm__put_i(&call->out[0], at, sum);
}

/* Input `in` is a float scalar or has `n` elements. */
static enum atm_status scale_check(const struct atm_call *call, uint32_t in,
                                   int64_t n)
{
    enum atm_status st = atm_need_type(call, in, ATM_TYPES_FLOAT);

    if (!st && atm_view_count(&call->in[in]) != 1 &&
        atm_view_count(&call->in[in]) != n)
        st = atm_fail(ATM_FORMAT,
                      "input %" PRIu32 " (scale) has neither one element nor "
                      "%" PRId64,
                      in, n);
    return st;
}

enum atm_status atm__int_quantized_infer(struct atm_call *call, int64_t rows,
                                         int64_t cols,
                                         const struct atm_shape *y)
{
    enum atm_status st = scale_check(call, 1, rows);

    if (!st)
        st = scale_check(call, 4, cols);
    if (!st)
        st = scale_check(call, 6, 1);
    if (!st)
        st = atm_need_type(call, 7, ATM_TYPE(U8) | ATM_TYPE(I8));
    if (!st && atm_view_count(&call->in[7]) != 1)
        st = atm_fail(ATM_FORMAT, "input 7 (zero point) is no scalar");
    if (!st)
        atm_set_out(call, 0, call->in[7].dtype, y);
    return st;
}

/* Element i of a scale, or the only one. */
static double scale_of(const struct atm_call *call, uint32_t in, int64_t i)
{
    return atm__get_f(&call->in[in],
                      atm_view_count(&call->in[in]) == 1 ? 0 : i);
}

void atm__int_requantize(const struct atm_call *call, int64_t at, int64_t sum,
                         int64_t row, int64_t col)
{
    double scale = scale_of(call, 1, row) * scale_of(call, 4, col) /
                   scale_of(call, 6, 0);
    double lo = call->out[0].dtype == ATM_U8 ? 0 : -128, q;

    if (atm_has_in(call, 8))
        sum += atm__get_i(&call->in[8], row);
    q = rint((double)sum * scale) + atm__get_f(&call->in[7], 0);
    atm__put_f(&call->out[0], at, q < lo ? lo : q > lo + 255 ? lo + 255 : q);
}
