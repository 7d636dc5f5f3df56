/* stft.c - STFT: the Fourier transforms of overlapping frames of a signal. */
#include "ref/fourier.h"

#include <inttypes.h>

struct frames {
    int64_t step, length, n;
};

static enum atm_status frames_of(const struct atm_call *call, struct frames *f)
{
    const struct atm_view *window = &call->in[2];
    int64_t samples = call->in[0].shape.dim[1];
    enum atm_status st;
    uint32_t n = 0;

    st = atm_need_ints(call, 1, "frame_step", 1, &f->step, &n);
    if (!st && (n != 1 || f->step < 1 || f->step > INT32_MAX))
        st = atm_fail(ATM_FORMAT, "input 1 (frame_step) is not positive");
    f->length = samples;
    if (!st && atm_has_in(call, 2)) {
        if (window->shape.rank != 1 || window->dtype != call->in[0].dtype)
            return atm_fail(ATM_FORMAT, "input 2 (window) is no list of the "
                                        "signal's type");
        f->length = window->shape.dim[0];
    }
    if (!st && atm_has_in(call, 3)) {
        st = atm_need_ints(call, 3, "frame_length", 1, &f->length, &n);
        if (!st && (n != 1 ||
                    (atm_has_in(call, 2) && f->length != window->shape.dim[0])))
            st = atm_fail(ATM_FORMAT, "input 3 (frame_length) is not the "
                                      "window's");
    }
    if (!st && (f->length < 1 || f->length > samples))
        st = atm_fail(ATM_FORMAT,
                      "frames of %" PRId64 " samples, the signal has %" PRId64,
                      f->length, samples);
    if (!st)
        f->n = (samples - f->length) / f->step + 1;
    return st;
}

static bool onesided(const struct atm_call *call)
{
    return atm_node_int(call->node, "onesided", 1) != 0;
}

static enum atm_status infer(struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape;
    struct atm_shape y = {.rank = 4};
    struct frames f = {0};
    enum atm_status st;

    st = atm_need_type(call, 0, ATM_TYPES_FLOAT);
    if (!st && (x->rank < 2 || x->rank > 3 ||
                (x->rank == 3 && x->dim[2] != 1 && x->dim[2] != 2)))
        st = atm_fail(ATM_FORMAT, "the signal is not batch x samples x parts");
    if (!st)
        st = frames_of(call, &f);
    if (st)
        return st;
    y.dim[0] = x->dim[0];
    y.dim[1] = f.n;
    y.dim[2] = onesided(call) ? f.length / 2 + 1 : f.length;
    y.dim[3] = 2;
    atm_set_out(call, 0, call->in[0].dtype, &y);
    return ATM_OK;
}

static uint64_t scratch_bytes(const struct atm_call *call)
{
    return atm__fourier_scratch(2 * call->out[0].shape.dim[2]);
}

static enum atm_status run(const struct atm_call *call)
{
    const struct atm_shape *x = &call->in[0].shape, *y = &call->out[0].shape;
    int64_t parts = x->rank == 3 ? x->dim[2] : 1, batch, frame;
    struct atm__fourier f = {.x = &call->in[0], .y = &call->out[0]};
    struct frames fr = {0};
    enum atm_status st = frames_of(call, &fr);

    if (st || atm_view_count(f.y) == 0)
        return st;
    if (y->dim[1] != fr.n ||
        y->dim[2] != (onesided(call) ? fr.length / 2 + 1 : fr.length))
        return atm_fail(ATM_FORMAT, "the frames changed after inference");
    f.window = atm_has_in(call, 2) ? &call->in[2] : NULL;
    f.x_step = parts;
    f.y_step = 2;
    f.n_in = f.n = fr.length;
    f.n_out = y->dim[2];
    f.x_parts = (uint32_t)parts;
    f.y_parts = 2;
    atm__fourier_begin(call->scratch, f.n);
    for (batch = 0; batch < y->dim[0]; batch++)
        for (frame = 0; frame < fr.n; frame++) {
            f.x_at = (batch * x->dim[1] + frame * fr.step) * parts;
            f.y_at = (batch * fr.n + frame) * f.n_out * 2;
            atm__fourier_line(&f, call->scratch);
        }
    return ATM_OK;
}

static const struct atm_attr_def attrs[] = {
    {.name = "onesided", .kind = ATM_ATTR_INT}, {.name = NULL}};

const struct atm_op_impl atm_op_impl_STFT = {
    .attrs = attrs, .infer = infer, .run = run, .scratch_bytes = scratch_bytes};
