"""What the lists of operator cases share: seeded arrays, and a case from a
node, evaluated by onnx.reference or by ONNX Runtime."""
import numpy as np
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(7)


def f(*shape, t=np.float32):
    return np.round(rng.standard_normal(shape) * 4, 2).astype(t)


def u(*shape, t=np.float32):
    """Strictly inside (0, 1)."""
    return np.round(rng.uniform(0.05, 0.95, shape), 2).astype(t)


def i(lo, hi, *shape, t=np.int64):
    return rng.integers(lo, hi, shape).astype(t)


def ints(*v, t=np.int64):
    return np.array(v, t)


def collector(case):
    """A list, and the function that appends to it."""
    cases = []

    def ref(op, inputs, opset=13, n_out=1, name=None, want=None,
            evaluate=None, ort=False, **attrs):
        """`evaluate`: the opset of the evaluator, where it knows no older;
        `ort`: ONNX Runtime is the evaluator."""
        names = [f"x{k}" if x is not None else "" for k, x in
                 enumerate(inputs)]
        outs = [f"y{k}" for k in range(n_out)]
        node = helper.make_node(op, names, outs, **attrs)
        if want is None:
            graph = helper.make_graph(
                [node], "g",
                [helper.make_tensor_value_info(
                    n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
                 for n, x in zip(names, inputs) if n],
                [helper.make_empty_tensor_value_info(o) for o in outs])
            model = helper.make_model(
                graph, opset_imports=[
                    helper.make_opsetid("", evaluate or opset)],
                ir_version=8)
            given = {n: x for n, x in zip(names, inputs) if n}
            if ort:
                want = onnxruntime.InferenceSession(
                    model.SerializeToString(),
                    providers=["CPUExecutionProvider"]).run(None, given)
            else:
                want = ReferenceEvaluator(model).run(None, given)
        cases.append(case(name or f"{op}.{opset}.{len(cases)}", node, opset,
                          inputs, want))

    return cases, ref
