"""Cases of gen_op_cases.py for operators of opset 18 and later."""
import numpy as np

from op_case_make import collector, ints

rng = np.random.default_rng(18)


def f(*shape, t=np.float32):
    return np.round(rng.standard_normal(shape) * 2, 2).astype(t)


def i(lo, hi, *shape, t=np.int64):
    return rng.integers(lo, hi, shape).astype(t)


def build(case):
    cases, ref = collector(case)
    none = None
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        ref(op, [i(-99, 99, 3, 1, t=np.int8), i(-99, 99, 4, t=np.int8)], 18)
        ref(op, [i(0, 2**62, 5, t=np.uint64), i(0, 2**62, 5, t=np.uint64)],
            18)
    ref("BitwiseNot", [i(-9, 9, 7, t=np.int32)], 18)
    ref("BitCast", [f(2, 3)], 26, to=6)
    ref("BitCast", [i(-9, 9, 4, t=np.int16)], 26, to=4)
    for t in (np.float32, np.float64):
        ref("Gelu", [f(3, 4, t=t)], 20)
        ref("Gelu", [f(3, 4, t=t)], 20, approximate="tanh")
        ref("Mish", [f(9, t=t) * 20], 22)
        ref("Swish", [f(9, t=t)], 24, alpha=0.7)
        ref("SwiGLU", [f(2, 5, t=t), f(2, 5, t=t)], 28)
    ref("RMSNormalization", [f(2, 3, 4), f(4)], 23)
    ref("RMSNormalization", [f(2, 3, 4), f(3, 4)], 23, axis=1, epsilon=0.1)
    ref("GroupNormalization", [f(2, 6, 3), f(6), f(6)], 21, num_groups=3)
    ref("CumProd", [f(2, 4, 3), np.array(1)], 26)
    ref("CumProd", [i(-3, 4, 2, 4, t=np.int32), np.array(-1)], 26,
        exclusive=1, reverse=1)
    cache, update = f(2, 1, 5, 3), f(2, 1, 2, 3)
    ref("TensorScatter", [cache, update], 24)
    ref("TensorScatter", [cache, update, ints(3, 1)], 24)
    ref("TensorScatter", [cache, update, ints(4, 3)], 24, mode="circular")
    ref("CenterCropPad", [f(5, 4, 3), ints(3, 7, 3)], 18)
    ref("CenterCropPad", [f(5, 4, 3), ints(2, 6)], 18, axes=[-1, 0])
    for corners in (0, 1):
        ref("AffineGrid", [f(2, 2, 3), ints(2, 1, 3, 4)], 20,
            align_corners=corners)
        ref("AffineGrid", [f(1, 3, 4), ints(1, 1, 2, 3, 2)], 20,
            align_corners=corners)
    ref("Col2Im", [f(1, 8, 6), ints(5, 4), ints(2, 2)], 18, pads=[0, 0, 0, 1],
        strides=[2, 1], dilations=[1, 2])
    x, c, s = f(2, 3, 4, 6), f(9, 3), f(9, 3)
    ids = i(0, 9, 2, 4)
    for pairs in (0, 1):
        ref("RotaryEmbedding", [x, c, s, ids], 23, interleaved=pairs)
        ref("RotaryEmbedding", [f(2, 4, 18), f(2, 4, 2), f(2, 4, 2)], 23,
            num_heads=3, rotary_embedding_dim=4, interleaved=pairs)
    q, k, v = f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6)
    ref("Attention", [q, k, v], 24)
    ref("Attention", [q, k, v, f(2, 1, 3, 5)], 24, is_causal=1, scale=0.3)
    ref("Attention", [q, k, v, f(3, 4) > 0, f(2, 2, 2, 8), f(2, 2, 2, 6)],
        24, n_out=4, softcap=2.0, qk_matmul_output_mode=2)
    ref("Attention", [q, k, v, none, none, none, ints(2, 5)], 25,
        left_window_size=1, right_window_size=0)
    ref("Attention", [f(1, 3, 8), f(1, 4, 8), f(1, 4, 4)], 23, q_num_heads=2,
        kv_num_heads=2)
    for rule, decay, beta in (("linear", none, none),
                              ("gated", f(2, 3, 4), none),
                              ("delta", none, f(2, 3, 2)),
                              ("gated_delta", f(2, 3, 2), f(2, 3, 1))):
        ref("LinearAttention", [f(2, 3, 8), f(2, 3, 4), f(2, 3, 6),
                                f(2, 2, 2, 3), decay, beta], 27, n_out=2,
            q_num_heads=4, kv_num_heads=2, update_rule=rule)
    ref("CausalConvWithState", [f(2, 3, 5), f(3, 1, 4), f(3), f(2, 3, 3)], 27,
        n_out=2, activation="silu")
    ref("CausalConvWithState", [f(2, 3, 5), f(3, 1, 2)], 27)
    # operators that grew
    for mode in ("linear", "cubic"):
        ref("Resize", [f(1, 1, 6, 7), none,
                       np.array([0.6, 0.45], np.float32)], 19, mode=mode,
            antialias=1, axes=[2, 3])
    ref("Resize", [f(1, 1, 6, 7), none, none, ints(4, 9)], 19, axes=[3, 2],
        mode="linear", keep_aspect_ratio_policy="not_larger",
        coordinate_transformation_mode="half_pixel_symmetric")
    ref("QuantizeLinear", [f(2, 7) * 9, f(2, 3) * 0 + 0.7,
                           i(-9, 9, 2, 3, t=np.int16)], 25, axis=1,
        block_size=3)
    ref("DequantizeLinear", [i(-99, 99, 2, 7, t=np.int8), f(2, 3)], 25,
        axis=1, block_size=3)
    for t in (np.int8, np.int64):
        for way in ("LEFT", "RIGHT"):
            ref("BitShift", [i(-99, 99, 6, t=t), ints(0, 1, 5, 7, 70, -2,
                                                      t=t)], 28,
                direction=way)
    ref("Mod", [f(9), f(9)], 28)
    for how in ("max", "min"):
        ref("ScatterElements", [f(3, 4), i(0, 3, 2, 4), f(2, 4)], 18, axis=0,
            reduction=how)
        ref("ScatterND", [i(-9, 9, 4, t=np.int32), ints(1, 1, 3)[:, None],
                          i(-9, 9, 3, t=np.int32)], 18, reduction=how)
    ref("SpaceToDepth", [f(1, 2, 4, 6)], 28, blocksize=2, mode="CRD")
    ref("LpNormalization", [np.array([[3, 0], [4, 0]], np.float32)], 22,
        axis=0)
    for op in ("ReduceMax", "ReduceMin"):
        for t in (np.float32, np.bool_):
            ref(op, [f(2, 0, 3, t=t), ints(1)], 20)
    return cases
