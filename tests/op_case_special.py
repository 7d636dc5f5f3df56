"""The cases of gen_op_cases.py for operators of a special purpose: recurrent,
quantised, signal, detection. Where onnx.reference ignores an attribute, ONNX
Runtime gives the expected outputs."""
import numpy as np

from op_case_make import collector, f, i, ints, u


def recurrent(ref):
    seq, batch, size, hidden = 4, 3, 2, 5
    for op, gates, acts in [("RNN", 1, ["Tanh"]),
                            ("GRU", 3, ["Sigmoid", "Tanh"]),
                            ("LSTM", 4, ["Sigmoid", "Tanh", "Tanh"])]:
        n_out = 3 if op == "LSTM" else 2

        def operands(dirs):
            return [f(seq, batch, size) / 4, f(dirs, gates * hidden, size) / 4,
                    f(dirs, gates * hidden, hidden) / 8]
        lens = ints(4, 1, 3, t=np.int32)
        for dirs, way in [(1, "forward"), (1, "reverse"),
                          (2, "bidirectional")]:
            more = [f(dirs, 2 * gates * hidden) / 8, lens,
                    f(dirs, batch, hidden) / 4]
            if op == "LSTM":
                more += [f(dirs, batch, hidden) / 4, f(dirs, 3 * hidden) / 8]
            ref(op, operands(dirs), 14, n_out, ort=True, direction=way,
                hidden_size=hidden)
            ref(op, operands(dirs) + more, 14, n_out, ort=True, direction=way,
                hidden_size=hidden, clip=0.75)
        ref(op, operands(1), 14, n_out, ort=True, hidden_size=hidden,
            activations=["HardSigmoid", "LeakyRelu", "ScaledTanh"]
            [3 - len(acts):] if op != "RNN" else ["Affine"],
            activation_alpha=[0.25, 0.1, 0.7][3 - len(acts):],
            activation_beta=[0.4, 0.6] if op != "RNN" else [0.3])
        ref(op, operands(2), 14, n_out, ort=True, hidden_size=hidden,
            direction="bidirectional",
            activations=(["Relu", "Softsign", "Softplus"][3 - len(acts):] +
                         ["Elu", "Tanh", "ThresholdedRelu"][3 - len(acts):]),
            activation_alpha=[1.0, 0.5])
        ref(op, [np.swapaxes(f(seq, batch, size) / 4, 0, 1)] + operands(1)[1:],
            14, n_out, hidden_size=hidden, layout=1)
    ref("GRU", operands(1)[:1] + [f(1, 15, 2) / 4, f(1, 15, 5) / 8,
                                  f(1, 30) / 8], 14, 2, hidden_size=5,
        linear_before_reset=1)
    ref("LSTM", operands(1), 14, 3, ort=True, hidden_size=5, input_forget=1)


def quantised(ref):
    def q(t, *shape):
        return i(0, 200, *shape, t=t) if t == np.uint8 else \
            i(-90, 90, *shape, t=t)
    for t in (np.uint8, np.int8):
        x, w = q(t, 2, 4, 6, 5), q(t, 6, 2, 3, 2)
        zero = q(t)
        ref("ConvInteger", [x.astype(np.uint8), w, np.array(7, np.uint8)], 10,
            ort=t == np.uint8, group=2, pads=[1, 0, 1, 1], strides=[2, 1],
            want=None if t == np.uint8 else [conv_int(x.astype(np.uint8), w,
                                                      7)])
        a, b = q(t, 3, 2, 4), q(t, 4, 5)
        ref("MatMulInteger", [a, b, np.array(3, t), q(t, 5)], 10)
        ref("MatMulInteger", [a[0], b], 10)
        ref("QLinearMatMul", [a, np.array(.02, np.float32), np.array(4, t), b,
                              u(5) / 30, q(t, 5), np.array(.3, np.float32),
                              zero], 10)
        ref("QLinearConv", [x[:, :, :4, :4], np.array(.05, np.float32),
                            np.array(11, t), w, u(6) / 20,
                            np.full(6, 2 if t == np.uint8 else 0, t),
                            np.array(.4, np.float32), zero,
                            i(-500, 500, 6, t=np.int32)], 10, ort=True,
            group=2, auto_pad="SAME_UPPER")
    for x in (f(3, 4), np.abs(f(5)), -np.abs(f(5)), np.zeros(3, np.float32)):
        ref("DynamicQuantizeLinear", [x], 11, 3)


def conv_int(x, w, zero):
    """By hand: group 2, pads 1 0 1 1, strides 2 1."""
    x = np.pad(x.astype(np.int32) - zero, [(0, 0), (0, 0), (1, 1), (0, 1)])
    w = w.astype(np.int32)
    y = np.zeros((2, 6, 3, 5), np.int32)
    for m, r, c in np.ndindex(6, 3, 5):
        first = m // 3 * 2
        part = x[:, first:first + 2, 2 * r:2 * r + 3, c:c + 2]
        y[:, m, r, c] = (part * w[m]).sum((1, 2, 3))
    return y


def signal(ref):
    for op in ("HannWindow", "HammingWindow", "BlackmanWindow"):
        ref(op, [np.array(9)], 17)
        ref(op, [np.array(8)], 17, periodic=0, output_datatype=11)
    ref("MelWeightMatrix", [np.array(k) for k in (8, 16, 8192)] +
        [np.array(k, np.float32) for k in (0, 4096)], 17)
    for parts in (1, 2):
        x = f(2, 7, 3, parts)
        ref("DFT", [x], 17, onesided=2 - parts)
        ref("DFT", [x, np.array(9)], 17, axis=2)
        ref("DFT", [x, np.array(4)], 17, axis=1)
        ref("DFT", [x, None, np.array(-3)], 20)
    ref("DFT", [f(2, 6, 2)], 17, inverse=1)
    ref("DFT", [f(2, 5, 2), np.array(8), np.array(1)], 20, inverse=1,
        onesided=1)
    x = f(2, 30, 1)
    ref("STFT", [x, np.array(7), f(8)], 17)
    ref("STFT", [x, np.array(4), None, np.array(9)], 17, onesided=0)
    ref("STFT", [f(1, 20, 2), np.array(5), f(6)], 17, onesided=0)


def sums(ref):
    for equation, shapes in [
            ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ii->i", [(3, 3)]),
            ("ij,jk", [(2, 3), (3, 4)]), ("ba", [(2, 3)]),
            ("...ij, ...jk -> ...ik", [(2, 1, 2, 3), (5, 3, 2)]),
            ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]),
            ("i,i,i->", [(4,), (4,), (4,)]), ("a...,b->...ba", [(2, 3), (4,)]),
            ("...ii->...i", [(2, 3, 3)])]:
        ref("Einsum", [f(*s) for s in shapes], 12, equation=equation)
    ref("Einsum", [i(-9, 9, 2, 3), i(-9, 9, 3, 2)], 12, equation="ab,bc->ca")
    for t in (np.float32, np.float64):
        ref("Det", [f(2, 4, 4, t=t)], 11)
    ref("Det", [np.zeros((2, 2), np.float32)], 11)
    ref("Det", [np.array([[0, 2], [3, 1]], np.float32)], 11)


def regions(ref):
    for mode in ("bilinear", "nearest", "bicubic"):
        for pad in ("zeros", "border", "reflection"):
            for corners in (0, 1):
                grid = (f(2, 3, 5, 2) / 3).astype(np.float32)
                ref("GridSample", [f(2, 2, 4, 3), grid], 16, mode=mode,
                    padding_mode=pad, align_corners=corners, ort=True)
    ref("GridSample", [f(1, 2, 3, 4, 2), f(1, 2, 2, 3, 3) / 4], 20,
        mode="linear")
    rois = np.array([[0, 0, 6, 5], [1.5, 2, 9, 8], [3, 3, 3.2, 3.1],
                     [-4, 1, 20, 7]], np.float32)
    for mode in ("avg", "max"):
        for how in ("half_pixel", "output_half_pixel"):
            for ratio in (0, 2):
                ref("RoiAlign", [f(2, 2, 7, 8), rois, ints(0, 1, 1, 0)], 16,
                    mode=mode, sampling_ratio=ratio, output_height=3,
                    output_width=2, spatial_scale=0.75,
                    coordinate_transformation_mode=how)
    ref("MaxUnpool", [f(1, 1, 2, 2), ints(5, 7, 13, 15).reshape(1, 1, 2, 2)],
        11, kernel_shape=[2, 2], strides=[2, 2])
    ref("MaxUnpool", [f(1, 1, 2, 2), ints(5, 7, 13, 15).reshape(1, 1, 2, 2),
                      ints(1, 1, 5, 5)], 11, kernel_shape=[2, 2],
        strides=[2, 2])
    ref("ReverseSequence", [f(4, 3, 2), ints(4, 1, 3)], 10)
    ref("ReverseSequence", [i(0, 9, 3, 4), ints(2, 0, 4)], 10, batch_axis=0,
        time_axis=1)


def selections(ref):
    """Shapes that depend on data."""
    boxes = np.array([[[0, 0, 1, 1], [0, .1, 1, 1.1], [0, -.1, 1, .9],
                       [0, 10, 1, 11], [1, 10.1, 0, 11.1], [0, 100, 1, 101]]],
                     np.float32)
    scores = np.array([[[.9, .75, .6, .95, .5, .3],
                        [.1, .8, .8, .95, .5, .96]]], np.float32)
    number = [np.array(k) for k in (3, 1)]
    half = np.array(.5, np.float32)
    for most in number:
        ref("NonMaxSuppression", [boxes, scores, most, half,
                                  np.array(.4, np.float32)], 11, ort=True)
        ref("NonMaxSuppression", [boxes, scores, most], 11, ort=True)
    ref("NonMaxSuppression", [np.abs(boxes), scores, number[0], half], 11,
        ort=True, center_point_box=1)
    for t in (np.float32, np.int64, np.uint8, np.bool_):
        ref("NonZero", [(i(0, 3, 3, 4) - (t != np.bool_)).astype(t)], 13,
            ort=True)
    x = i(0, 2, 4, 3, 2, t=np.int64)
    for sort in (0, 1):
        ref("Unique", [i(0, 4, 9)], 11, 4, ort=True, sorted=sort)
        ref("Unique", [f(3, 3).round(-1)], 11, 4, ort=True, sorted=sort)
        for axis in (0, 1, -1):
            ref("Unique", [x], 11, 4, ort=True, sorted=sort, axis=axis)
    ref("Compress", [f(2, 3), ints(1, 0, 1, t=np.bool_)], 11, axis=1)
    ref("Compress", [f(2, 3), ints(0, 1, t=np.bool_)], 11, axis=-2)
    ref("Compress", [f(2, 3), ints(0, 1, 1, 0, 1, t=np.bool_)], 11)


def training(ref):
    x, s = f(2, 3, 2, 2), [f(3), f(3), f(3), u(3)]
    ref("BatchNormalization", [x] + s, 15, 3, training_mode=1, momentum=0.7)
    ref("BatchNormalization", [x[:, :, 0, 0]] + s, 15, 3, training_mode=1)


def halves(ref):
    """Sums of small integers: exact in float16, however they are rounded."""
    def n(*shape):
        return i(-3, 4, *shape, t=np.float16)
    ref("MatMul", [n(2, 3, 70), n(70, 5)], 13)
    ref("MatMul", [n(3, 4), n(4, 67)], 13)
    ref("Gemm", [n(4, 3), n(5, 4), n(5)], 13, transA=1, transB=1)
    ref("Conv", [n(2, 4, 6, 5), n(6, 2, 3, 2), n(6)], 11, group=2,
        pads=[1, 0, 1, 1], strides=[2, 1])
    ref("ConvTranspose", [n(1, 2, 3, 3), n(2, 3, 2, 2), n(3)], 11,
        strides=[2, 2])


def draws(ref):
    """Where the outcome is certain; test_ops measures the rest."""
    ref("Bernoulli", [ints(0, 1, 1, 0, t=np.float32)], 15)
    ref("Bernoulli", [ints(0, 1, 1, 0, t=np.float64)], 15, dtype=1, seed=2.0)
    three = np.full((2, 3), 3, np.float32)
    for op in ("RandomNormal", "RandomUniform"):
        same = dict(mean=3.0, scale=0.0) if op == "RandomNormal" else \
            dict(low=3.0, high=3.0)
        ref(op, [], 1, shape=[2, 3], want=[three], **same)
        ref(op + "Like", [f(2, 3)], 1, want=[three], **same)
        ref(op + "Like", [i(0, 9, 2, 3)], 1, dtype=11, seed=1.0,
            want=[three.astype(np.float64)], **same)


def n_grams(ref):
    pool = dict(ngram_counts=[0, 3, 7], ngram_indexes=[2, 0, 5, 4, 1, 3],
                pool_int64s=[2, 3, 5, 2, 3, 5, 5, 2, 3, 5])
    weights = [0.5, 2.0, 3.0, 0.25, 1.0, 4.0]
    x = i(2, 6, 2, 14)
    for mode in ("TF", "IDF", "TFIDF"):
        for least, most, skips in ((1, 1, 3), (1, 3, 0), (2, 3, 2), (3, 3, 9)):
            ref("TfIdfVectorizer", [x], 9, ort=True, mode=mode,
                min_gram_length=least, max_gram_length=most,
                max_skip_count=skips, weights=weights, **pool)
    ref("TfIdfVectorizer", [i(2, 6, 9, t=np.int32)], 9, ort=True, mode="IDF",
        min_gram_length=1, max_gram_length=2, max_skip_count=1, **pool)


def moved_taps(ref):
    x, k = f(2, 4, 6, 5), f(6, 2, 3, 2)
    how = dict(group=2, offset_group=2, pads=[1, 0, 1, 1], strides=[2, 1])
    ref("DeformConv", [x, k, f(2, 24, 3, 5) / 3, f(6), u(2, 12, 3, 5)], 19,
        **how)
    ref("DeformConv", [x, k, np.zeros((2, 24, 3, 5), np.float32)], 22, **how)
    ref("DeformConv", [x, f(3, 4, 2, 2), f(2, 8, 4, 3)], 22, dilations=[2, 2])


def build(case):
    cases, ref = collector(case)
    recurrent(ref)
    quantised(ref)
    signal(ref)
    sums(ref)
    regions(ref)
    selections(ref)
    training(ref)
    halves(ref)
    draws(ref)
    n_grams(ref)
    moved_taps(ref)
    return cases
