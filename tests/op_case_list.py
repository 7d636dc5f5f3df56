"""The cases of gen_op_cases.py: a few for each operator, chosen for the
branches of its kernel. Expected outputs come from onnx.reference; where that
has no notion of an old opset, from numpy by hand."""
import numpy as np
from onnx import helper, numpy_helper

from op_case_make import collector, f, i, ints, rng, u


def build(case):
    cases, ref = collector(case)
    odd = np.array([0, -0.0, 1, -1, 0.5, 100, -100, np.nan, np.inf, -np.inf],
                   np.float32)
    # one input
    for op, opset in [("Sigmoid", 13), ("Tanh", 13), ("LeakyRelu", 16),
                      ("Elu", 6), ("Selu", 6), ("Celu", 12),
                      ("ThresholdedRelu", 10), ("HardSigmoid", 6),
                      ("HardSwish", 14), ("Softplus", 1), ("Softsign", 1),
                      ("Shrink", 9), ("Exp", 13), ("Erf", 13), ("Floor", 13),
                      ("Ceil", 13), ("Round", 11), ("Sin", 7), ("Cos", 7),
                      ("Tan", 7), ("Atan", 7), ("Sinh", 9), ("Cosh", 9),
                      ("Asinh", 9), ("Abs", 13), ("Neg", 13), ("Sign", 13),
                      ("Relu", 14), ("Identity", 13)]:
        ref(op, [f(2, 3, 4)], opset)
        ref(op, [f(5, t=np.float64)], opset)
    for op in ("Relu", "Abs", "Neg", "Sign", "Floor", "Identity"):
        ref(op, [odd], 14)
    for op in ("Relu", "Abs", "Neg", "Sign"):
        ref(op, [i(-9, 9, 7, t=np.int8)], 14)
        ref(op, [ints(-2**63 + 1, 2**63 - 1, 0, -1)], 14)
    for op, opset in [("Log", 13), ("Sqrt", 13), ("Reciprocal", 13),
                      ("Asin", 7), ("Acos", 7), ("Atanh", 9)]:
        ref(op, [u(3, 5)], opset)
    ref("Acosh", [u(3, 5) + 1], 9)
    ref("Sigmoid", [f(9, t=np.float16)], 13)
    ref("LeakyRelu", [f(9)], 16, alpha=0.3)
    ref("Selu", [f(9)], 6, alpha=2.0, gamma=3.0)
    ref("HardSigmoid", [f(9)], 6, alpha=0.4, beta=0.1)
    ref("Shrink", [f(9)], 9, bias=1.5, lambd=1.5)
    ref("IsNaN", [odd], 13)
    ref("IsInf", [odd], 10)
    ref("IsInf", [odd], 10, detect_negative=0)
    ref("IsInf", [odd], 10, detect_positive=0)
    ref("Not", [i(0, 2, 3, 4, t=bool)], 1)
    # two inputs
    shapes = [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 1)), ((4,), (2, 1, 4)),
              ((), (3,)), ((0, 3), (1, 3))]
    for op in ("Add", "Sub", "Mul", "Div"):
        for a, b in shapes:
            ref(op, [f(*a), f(*b) + 9], 14)
        ref(op, [i(-99, 99, 3, 2, t=np.int32), i(1, 9, 2, t=np.int32)], 14)
        ref(op, [i(0, 250, 6, t=np.uint8), i(1, 9, 6, t=np.uint8)], 14)
    ref("Div", [ints(-7, 7, -7, 7, 2), ints(2, 2, -2, -2, 0)], 14,
        want=[ints(-3, 3, 3, -3, 0)])
    ref("Div", [ints(-2**63, 5), ints(-1, -1)], 14,
        want=[ints(-2**63, -5)])
    ref("Div", [np.array([2**63 + 6], np.uint64), np.array([2], np.uint64)],
        14)
    # opset 6: aligned at an axis
    a, b = f(2, 3, 4, 5), f(3, 4)
    for op, fn in (("Add", np.add), ("Mul", np.multiply)):
        ref(op, [a, b], 6, broadcast=1, axis=1,
            want=[fn(a, b[None, :, :, None])])
    last = f(4, 5)
    ref("Sub", [a, last], 6, broadcast=1, want=[a - last])
    ref("Less", [a, last], 6, broadcast=1, want=[a < last])
    ref("Pow", [np.abs(a), last], 6, broadcast=1, axis=2,
        want=[np.abs(a) ** last])
    for op in ("Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"):
        ref(op, [i(-3, 3, 3, 4).astype(np.float32), i(-3, 3, 4).astype(
            np.float32)], 16)
        ref(op, [odd, odd[::-1].copy()], 16)
        ref(op, [i(-3, 3, 2, 5, t=np.int32), i(-3, 3, 2, 1, t=np.int32)], 16)
        if op != "Equal":
            ref(op, [np.array([2**63, 1], np.uint64),
                     np.array([1, 2**63], np.uint64)], 16)
    for op in ("And", "Or", "Xor"):
        ref(op, [i(0, 2, 3, 4, t=bool), i(0, 2, 4, t=bool)], 7)
    ref("Equal", [i(0, 2, 6, t=bool), i(0, 2, 6, t=bool)], 13)
    ref("Pow", [u(2, 3), f(3)], 15)
    ref("Pow", [i(-3, 4, 5), i(0, 5, 5)], 15)
    ref("Pow", [i(0, 4, 5, t=np.int32), u(5)], 15,
        name="Pow.int-float")
    ref("Mod", [i(-9, 9, 12), ints(*([4, -3, 5] * 4))], 13)
    ref("Mod", [i(-9, 9, 12), ints(*([4, -3, 5] * 4))], 13, fmod=1)
    ref("Mod", [f(12), f(12)], 13, fmod=1)
    ref("BitShift", [i(0, 200, 5, t=np.uint8), i(0, 7, 5, t=np.uint8)], 11,
        direction="LEFT")
    ref("BitShift", [i(0, 200, 5, t=np.uint32), i(0, 7, 5, t=np.uint32)], 11,
        direction="RIGHT")
    ref("PRelu", [f(2, 3, 4), f(3, 1)], 16)
    x, s = f(2, 3, 4, 2), u(3)
    ref("PRelu", [x, s], 6, want=[np.where(x < 0, x * s[:, None, None], x)])
    # any number of inputs
    for op in ("Sum", "Max", "Min", "Mean"):
        ref(op, [f(2, 3)], 13)
        ref(op, [f(2, 3), f(3), f(2, 1)], 13)
    ref("Max", [i(-5, 5, 4), i(-5, 5, 4)], 13)
    ref("Min", [np.array([2**63, 3], np.uint64), np.array([5, 2**63 + 1],
                                                         np.uint64)], 13)
    # convolution, pools
    ref("Conv", [f(1, 2, 5, 6), f(3, 2, 3, 3), f(3)], 11, pads=[1, 1, 1, 1])
    ref("Conv", [f(2, 4, 7, 6), f(6, 2, 3, 2)], 11, group=2, strides=[2, 3],
        dilations=[2, 1], pads=[0, 1, 2, 0])
    ref("Conv", [f(1, 3, 6), f(3, 1, 3)], 11, group=3, auto_pad="SAME_UPPER",
        strides=[2])
    ref("Conv", [f(1, 1, 4, 5), f(1, 1, 2, 4)], 11, auto_pad="SAME_LOWER")
    ref("Conv", [f(1, 2, 3, 4, 4), f(2, 2, 2, 2, 3), f(2)], 11,
        pads=[0, 0, 1, 1, 1, 1])
    ref("Conv", [f(1, 2, 5, 5, t=np.float64), f(1, 2, 1, 1, t=np.float64)],
        11, strides=[2, 2])
    ref("ConvTranspose", [f(1, 2, 3, 3), f(2, 3, 3, 3), f(3)], 11,
        strides=[2, 2], pads=[1, 0, 1, 1], output_padding=[1, 0])
    ref("ConvTranspose", [f(1, 1, 4), f(1, 2, 3)], 11, dilations=[2])
    ref("MaxPool", [f(2, 3, 7, 6)], 12, n_out=2, kernel_shape=[3, 2],
        strides=[2, 1], pads=[1, 0, 1, 1])
    ref("MaxPool", [f(1, 1, 7, 7)], 12, kernel_shape=[2, 2],
        dilations=[2, 3], strides=[2, 2], ceil_mode=1)
    ref("MaxPool", [f(1, 2, 9)], 12, kernel_shape=[4], strides=[3])
    ref("AveragePool", [f(1, 2, 6, 5)], 11, kernel_shape=[3, 3],
        pads=[1, 1, 1, 1], strides=[2, 2])
    ref("AveragePool", [f(1, 2, 6, 5)], 11, kernel_shape=[3, 3],
        pads=[1, 1, 1, 1], count_include_pad=1)
    ref("AveragePool", [f(1, 1, 5, 4, 5)], 11, kernel_shape=[2, 2, 2])
    x = f(1, 2, 5, 6)
    ref("GlobalAveragePool", [x], 1)
    ref("GlobalMaxPool", [x], 1)
    ref("LpPool", [f(1, 2, 6, 6)], 11, kernel_shape=[3, 2], p=3,
        strides=[2, 2])
    # matrices
    for ta, tb, c in ((0, 0, (3, 5)), (1, 0, (5,)), (0, 1, (3, 1)),
                      (1, 1, None)):
        ref("Gemm", [f(*((4, 3) if ta else (3, 4))),
                     f(*((5, 4) if tb else (4, 5)))] +
            ([f(*c)] if c else []), 13, transA=ta, transB=tb, alpha=0.5,
            beta=1.5)
    a, b, c = i(-9, 9, 2, 3), i(-9, 9, 3, 4), i(-9, 9, 4)
    ref("Gemm", [a, b, c], 13, want=[a @ b + c])
    for a, b in (((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)),
                 ((4,), (4,)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 0), (0, 3))):
        ref("MatMul", [f(*a), f(*b)], 13)
    ref("MatMul", [i(-9, 9, 2, 3, t=np.int32), i(-9, 9, 3, 2, t=np.int32)],
        13)
    # normalisation
    ref("BatchNormalization", [f(2, 3, 4, 2), f(3), f(3), f(3), u(3)], 15)
    ref("BatchNormalization", [f(4, 3), f(3), f(3), f(3), u(3)], 15,
        epsilon=0.01)
    x, st = f(2, 3, 2), [f(3, 2), f(3, 2), f(3, 2), u(3, 2)]
    ref("BatchNormalization", [x] + st, 7, spatial=0,
        want=[(x - st[2]) / np.sqrt(st[3] + 1e-5) * st[0] + st[1]])
    ref("InstanceNormalization", [f(2, 3, 4, 2), f(3), f(3)], 6)
    ref("LayerNormalization", [f(2, 3, 4), f(4), f(4)], 17, n_out=3)
    ref("LayerNormalization", [f(2, 3, 4), f(3, 4)], 17, axis=1)
    ref("MeanVarianceNormalization", [f(2, 3, 4, 2)], 13)
    ref("LpNormalization", [f(2, 3, 4)], 1, axis=1)
    # the evaluator forgets the magnitude of p=1, and LRN's channels
    x = f(2, 3, 4)
    ref("LpNormalization", [x], 1, axis=-1, p=1,
        want=[x / np.abs(x).sum(-1, keepdims=True)])
    x = f(2, 7, 3, 1)
    s = np.stack([(x[:, max(0, c - 1):c + 3] ** 2).sum(1)
                  for c in range(7)], 1)
    ref("LRN", [x], 13, size=4, alpha=0.1, beta=0.5, bias=2.0,
        want=[x / (2 + np.float32(0.1) / 4 * s) ** 0.5])
    ref("LRN", [f(5, 5, 2, 2)], 13, size=3)
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        ref(op, [f(2, 3, 4)], 13)
        ref(op, [f(2, 3, 4)], 13, axis=1)
        ref(op, [f(1, 4) * 200], 13)
    x = f(2, 3, 4)
    e = np.exp(x - x.max((1, 2), keepdims=True))
    ref("Softmax", [x], 11, want=[e / e.sum((1, 2), keepdims=True)])
    # reductions
    for op, opset in [("ReduceSum", 11), ("ReduceMean", 13),
                      ("ReduceMax", 13), ("ReduceMin", 13),
                      ("ReduceProd", 13), ("ReduceL1", 13), ("ReduceL2", 13),
                      ("ReduceSumSquare", 13), ("ReduceLogSum", 13),
                      ("ReduceLogSumExp", 13)]:
        x = u(2, 3, 4) if op == "ReduceLogSum" else f(2, 3, 4)
        ref(op, [x], opset)
        ref(op, [x], opset, axes=[1], keepdims=0)
        ref(op, [x], opset, axes=[-1, 0])
        if op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd",
                  "ReduceMean", "ReduceL1", "ReduceSumSquare"):
            ref(op, [i(-5, 5, 3, 4)], opset, axes=[1])
    ref("ReduceSum", [f(2, 3, 4), ints(1)], 13)
    ref("ReduceSum", [f(2, 3), ints()], 13, noop_with_empty_axes=1)
    ref("ReduceSum", [f(2, 0, 4), ints(1)], 13)
    ref("ReduceLogSumExp", [f(4) + 1000], 13)
    for op in ("ArgMax", "ArgMin"):
        ref(op, [i(0, 4, 3, 5).astype(np.float32)], 13, axis=1)
        ref(op, [i(0, 4, 3, 5, t=np.int32)], 13, axis=0, keepdims=0,
            select_last_index=1)
    ref("CumSum", [f(2, 5), ints(1)[0:1].reshape(())], 14)
    ref("CumSum", [i(-5, 5, 4, 2), np.array(-2)], 14, reverse=1, exclusive=1)
    ref("TopK", [f(3, 6), ints(4)], 11, n_out=2)
    ref("TopK", [i(0, 4, 7, 2), ints(3)], 11, n_out=2, axis=0, largest=0)
    # data movement
    ref("Concat", [f(2, 3), f(2, 1), f(2, 0)], 13, axis=1)
    ref("Concat", [i(0, 9, 1, 2, t=np.uint8), i(0, 9, 3, 2, t=np.uint8)], 13,
        axis=-2)
    ref("Flatten", [f(2, 3, 4)], 13, axis=2)
    ref("Flatten", [f(2, 3, 4)], 13, axis=-3)
    ref("Reshape", [f(2, 3, 4), ints(0, -1, 2)], 14)
    ref("Reshape", [f(0, 3), ints(3, 0)], 14, allowzero=1)
    ref("Transpose", [f(2, 3, 4)], 13)
    ref("Transpose", [i(0, 9, 2, 3, 4, t=np.int8)], 13, perm=[1, 2, 0])
    ref("Squeeze", [f(1, 3, 1, 2)], 13)
    ref("Squeeze", [f(1, 3, 1, 2), ints(-2)], 13)
    ref("Squeeze", [f(1, 3, 1, 2)], 11, axes=[0])
    ref("Unsqueeze", [f(3, 2), ints(0, -1)], 13)
    x = f(3, 2)
    ref("Unsqueeze", [x], 11, axes=[3, 1], want=[x.reshape(3, 1, 2, 1)])
    ref("Shape", [f(2, 3, 4)], 15)
    ref("Shape", [f(2, 3, 4)], 15, start=-2, end=9)
    ref("Size", [f(2, 3, 4)], 13)
    ref("Gather", [f(4, 3), i(-4, 4, 2, 2)], 13)
    ref("Gather", [f(4, 3, 2), i(-3, 3, 2, t=np.int32)], 13, axis=1)
    x, k = f(3, 4), i(-4, 4, 2, 3)
    ref("GatherElements", [x, k], 13, axis=1,
        want=[np.take_along_axis(x[:2], k, 1)])
    ref("GatherND", [f(2, 3, 4), i(-2, 2, 5, 2)], 13)
    ref("GatherND", [f(2, 3, 4), i(-3, 3, 2, 1)], 13, batch_dims=1)
    idx = np.array([[1, 0, 2], [0, 2, 1]])
    ref("ScatterElements", [f(3, 3), idx, f(2, 3)], 16, axis=0)
    ref("ScatterElements", [f(3, 3), idx, f(2, 3)], 16, axis=1,
        reduction="add")
    x, v = f(3, 3), f(2, 3)
    y = x.copy()
    np.put_along_axis(y, idx, v, 0)
    ref("Scatter", [x, idx, v], 9, want=[y])
    ref("ScatterND", [f(4, 3), ints(1, -1).reshape(2, 1), f(2, 3)], 16)
    ref("ScatterND", [f(4, 3), ints(1, 2, 3, 0).reshape(2, 2), f(2)], 16,
        reduction="mul")
    x = f(5, 6, 3)
    for s, e, a, p in (([1, -4], [4, 99], [0, 1], [1, 2]),
                       ([-1, 4], [-99, 0], [0, 1], [-2, -1]),
                       ([3], [1], [2], [1]), ([0], [2**62], [1], [2**62])):
        ref("Slice", [x, ints(*s), ints(*e), ints(*a), ints(*p)], 13)
    ref("Slice", [x], 9, starts=[1, 0], ends=[-1, 2], want=[x[1:-1, 0:2]])
    for mode in ("constant", "reflect", "edge"):
        ref("Pad", [f(3, 4), ints(1, 2, 2, 0)], 13, mode=mode)
    x = i(0, 9, 2, 3, t=np.int32)
    ref("Pad", [x, ints(0, -1, 1, 2), np.array(7, np.int32)], 13,
        want=[np.pad(x[:, 1:], ((0, 1), (0, 2)), constant_values=7)])
    x = f(2, 3)
    ref("Pad", [x], 2, pads=[0, 1, 1, 0], value=2.5,
        want=[np.pad(x, ((0, 1), (1, 0)), constant_values=2.5)])
    ref("Clip", [f(9), np.float32(-1).reshape(()), np.float32(2).reshape(())],
        13)
    ref("Clip", [i(-9, 9, 9, t=np.int8), None, np.array(3, np.int8)], 13)
    x = f(9)
    ref("Clip", [x], 6, min=-1.0, max=1.5, want=[np.clip(x, -1, 1.5)])
    ref("Dropout", [f(4)], 13, n_out=2)
    x = f(4)
    ref("Dropout", [x], 6, n_out=2, is_test=1, want=[x, np.ones_like(x)])
    for t in (np.int64, np.int32, np.uint8, np.float64, np.float16, bool):
        ref("Cast", [np.array([0, 1, 2.75, 100], np.float32)], 13,
            to=int(helper.np_dtype_to_tensor_dtype(np.dtype(t))))
        ref("Cast", [np.array([0, 1, 3, 100]).astype(t)], 13, to=1)
    ref("Cast", [ints(-1, 300, 2**40)], 13, to=2)
    ref("CastLike", [f(4), ints(1)], 15)
    ref("Split", [f(6, 2)], 13, n_out=3)
    ref("Split", [f(2, 5), ints(2, 0, 3)], 13, n_out=3, axis=-1)
    x = f(5)
    ref("Split", [x], 11, n_out=2, split=[1, 4], want=[x[:1], x[1:]])
    ref("Where", [i(0, 2, 3, 1, t=bool), f(4), f(3, 4)], 16)
    ref("Expand", [f(3, 1), ints(2, 1, 4)], 13)
    ref("Tile", [f(2, 3), ints(2, 3)], 13)
    ref("DepthToSpace", [f(1, 8, 2, 3)], 13, blocksize=2)
    ref("DepthToSpace", [f(1, 8, 2, 3)], 13, blocksize=2, mode="CRD")
    ref("SpaceToDepth", [f(1, 2, 4, 6)], 13, blocksize=2)
    ref("Trilu", [f(2, 3, 4)], 14)
    ref("Trilu", [i(0, 9, 4, 3), np.array(-1)], 14, upper=0)
    ref("EyeLike", [f(3, 4)], 9, k=1)
    ref("EyeLike", [f(2, 2)], 9, dtype=7)
    ref("OneHot", [i(-3, 3, 2, 3), np.array(3), ints(5, 9)], 11)
    ref("OneHot", [i(0, 5, 4), np.array(4), f(2)], 11, axis=0)
    x, none = f(1, 1, 4, 5), np.array([], np.float32)
    up = np.array([1, 1, 1.5, 2.2], np.float32)
    down = np.array([1, 1, 0.6, 0.5], np.float32)
    for mode in ("nearest", "linear", "cubic"):
        for how in ("half_pixel", "pytorch_half_pixel", "align_corners",
                    "asymmetric"):
            ref("Resize", [x, none, up], 13, mode=mode,
                coordinate_transformation_mode=how)
        ref("Resize", [x, none, down], 13, mode=mode)
    ref("Resize", [x, none, none, ints(1, 1, 7, 3)], 13, mode="cubic",
        exclude_outside=1, cubic_coeff_a=-0.5)
    for how in ("round_prefer_ceil", "floor", "ceil"):
        ref("Resize", [x, none, up], 13, mode="nearest", nearest_mode=how)
    ref("Resize", [x, np.array([0, 0, 0.4, 0.6, 1, 1, 1.2, 0.9], np.float32),
                   none, ints(1, 1, 3, 3)], 13, mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=9.0)
    x = f(1, 1, 2, 3)
    twice = x.repeat(2, 2).repeat(3, 3)
    ref("Resize", [x, np.array([1, 1, 2, 3], np.float32)], 10, want=[twice])
    ref("Upsample", [x, np.array([1, 1, 2, 3], np.float32)], 9, want=[twice])
    ref("Upsample", [x], 7, scales=[1.0, 1.0, 2.0, 3.0], want=[twice])
    # quantisation
    for z in (np.array(3, np.uint8), np.array(-5, np.int8)):
        ref("QuantizeLinear", [f(3, 4) * 40, np.array(0.5, np.float32), z],
            13, evaluate=21)
        ref("DequantizeLinear", [i(0, 100, 3, 4, t=z.dtype),
                                 np.array(0.5, np.float32), z], 13,
            evaluate=21)
    ref("QuantizeLinear", [f(2, 3, 2), u(3), i(0, 9, 3, t=np.uint8)], 13,
        evaluate=21)
    ref("DequantizeLinear", [i(0, 99, 2, 3, 2, t=np.int8), u(2),
                             i(0, 9, 2, t=np.int8)], 13, axis=-1,
        evaluate=21)
    # losses
    for how in ("none", "mean", "sum"):
        x, t, w = f(3, 5, 2), i(0, 5, 3, 2), u(5)
        ref("NegativeLogLikelihoodLoss", [x, t, w], 13, reduction=how)
        ref("NegativeLogLikelihoodLoss", [x, t], 13, reduction=how,
            ignore_index=int(t[0, 0]))
        ref("SoftmaxCrossEntropyLoss", [x, t, w], 13, n_out=2, reduction=how,
            ignore_index=int(t[1, 1]))
        ref("SoftmaxCrossEntropyLoss", [f(4, 3), i(0, 3, 4)], 13,
            reduction=how)
    # constants
    ref("Constant", [], 13,
        value=numpy_helper.from_array(f(2, 2), "v"))
    ref("Constant", [], 13, value_ints=[3, -4])
    ref("Constant", [], 13, value_float=2.5)
    ref("ConstantOfShape", [ints(2, 3)], 9)
    ref("ConstantOfShape", [ints(3)], 9,
        value=numpy_helper.from_array(np.array([7], np.int32), "v"))
    ref("Range", [np.array(k) for k in (2, 11, 3)], 11)
    ref("Range", [np.array(k, np.float32) for k in (1, -1, -0.5)], 11)
    return cases
