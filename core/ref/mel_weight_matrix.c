/* mel_weight_matrix.c - MelWeightMatrix: triangles over the bins of a
 * spectrum, evenly spaced in mel (2595 log10(1 + hertz / 700)). */
#include "ref/elem.h"

#include <inttypes.h>
#include <math.h>

static enum atm_status infer(struct atm_call *call)
{
    int64_t code = atm_node_int(call->node, "output_datatype", 1);
    enum atm_dtype type = ATM_DTYPE_NONE;
    int64_t mels = 0, length = 0;
    struct atm_shape y = {.rank = 2};
    enum atm_status st = ATM_OK;
    uint32_t i, n;

    if (code > 0 && code <= 64)
        type = atm_dtype_from_onnx((int)code);
    if (!atm_type_in(type, ATM_TYPES_NUMBER))
        return atm_fail(ATM_UNSUPPORTED,
                        "attribute output_datatype is no numeric type");
    for (i = 0; !st && i < 5; i++) {
        st = atm_need_type(
            call, i, i < 3 ? ATM_TYPE(I32) | ATM_TYPE(I64) : ATM_TYPES_FLOAT);
        if (!st && atm_view_count(&call->in[i]) != 1)
            st = atm_fail(ATM_FORMAT, "input %" PRIu32 " is no scalar", i);
    }
    if (!st)
        st = atm_need_ints(call, 0, "num_mel_bins", 1, &mels, &n);
    if (!st)
        st = atm_need_ints(call, 1, "dft_length", 1, &length, &n);
    if (!st &&
        (mels < 0 || mels > INT32_MAX || length < 0 || length > INT32_MAX))
        st = atm_fail(ATM_FORMAT, "num_mel_bins or dft_length is no count");
    if (st)
        return st;
    y.dim[0] = length / 2 + 1;
    y.dim[1] = mels;
    atm_set_out(call, 0, type, &y);
    return ATM_OK;
}

static double mel(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

/* The spectrum's bin under edge k of mels + 2. */
static int64_t edge(const struct atm_call *call, int64_t k)
{
    double lo = mel(atm__get_f(&call->in[3], 0));
    double hi = mel(atm__get_f(&call->in[4], 0));
    double step = (hi - lo) / (double)(call->out[0].shape.dim[1] + 2);
    double hertz = 700 * (pow(10, ((double)k * step + lo) / 2595) - 1);

    return atm__double_to_i64(
        floor((double)(atm__get_i(&call->in[1], 0) + 1) * hertz /
              (double)atm__get_i(&call->in[2], 0)));
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_view *y = &call->out[0];
    int64_t bins = y->shape.dim[0], mels = y->shape.dim[1], i, j;

    for (i = 0; i < mels; i++) {
        int64_t lo = edge(call, i), mid = edge(call, i + 1);
        int64_t hi = edge(call, i + 2);

        if (lo < 0 || lo > mid || mid > hi || hi > bins)
            return atm_fail(
                ATM_FORMAT,
                "the edges of mel bin %" PRId64 " are outside the spectrum", i);
        for (j = 0; j < bins; j++) {
            double w = 0;

            if (j >= lo && j <= mid)
                w = lo == mid ? 1 : (double)(j - lo) / (double)(mid - lo);
            if (j >= mid && j < hi)
                w = (double)(hi - j) / (double)(hi - mid);
            atm__put_f(y, j * mels + i, w);
        }
    }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "output_datatype", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_MelWeightMatrix = {
    .attrs = attrs, .infer = infer, .run = run};
