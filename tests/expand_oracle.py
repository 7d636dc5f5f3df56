#!/usr/bin/env python3
"""expand_oracle.py - functions, control flow and optimisers against others.

    expand_oracle.py CONFORMANCE

Writes models that the official suites lack (functions with attributes, nested
calls, branches inside functions, names from outside, scans backwards and along
other axes) as test folders and runs them with the `conformance` binary.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort
from onnx import AttributeProto, TensorProto, numpy_helper
from onnx.helper import (make_function, make_graph, make_model, make_node,
                         make_opsetid, make_tensor_value_info)
from onnx.reference import ReferenceEvaluator

OPSETS = [make_opsetid("", 17), make_opsetid("own", 1)]
TRAINING = "ai.onnx.preview.training"
F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def value(name, shape, kind=F):
    return make_tensor_value_info(name, kind, shape)


def ref(name, to, kind):
    return AttributeProto(name=name, ref_attr_name=to, type=kind)


def with_ref(node, name, to, kind):
    node.attribute.append(ref(name, to, kind))
    return node


def functions():
    """scaled(x; slope) = LeakyRelu(x; slope) + x; outer calls it twice, once
    with the slope of its own call, and leaves an input out."""
    leaky = with_ref(make_node("LeakyRelu", ["x"], ["l"]), "alpha", "slope",
                     AttributeProto.FLOAT)
    scaled = make_function(
        "own", "scaled", ["x", "low"], ["y"],
        [leaky, make_node("Clip", ["l", "low"], ["k"]),
         make_node("Add", ["k", "x"], ["y"])], OPSETS, ["slope"])
    first = with_ref(make_node("scaled", ["a"], ["l"], domain="own"), "slope",
                     "steep", AttributeProto.FLOAT)
    outer = make_function(
        "own", "outer", ["a", "b"], ["l", "y"],
        [first, make_node("scaled", ["l", "b"], ["m"], domain="own",
                          slope=0.25),
         make_node("Neg", ["m"], ["y"])], OPSETS, ["steep"])
    graph = make_graph(
        [make_node("outer", ["x", "low"], ["l", "y"], domain="own",
                   steep=2.0),
         make_node("outer", ["y", "low"], ["", "z"], domain="own")],
        "functions", [value("x", [2, 3])],
        [value("y", [2, 3]), value("z", [2, 3]), value("l", [2, 3])],
        [numpy_helper.from_array(np.float32(-0.5), "low")])
    return make_model(graph, functions=[scaled, outer], opset_imports=OPSETS)


def branch_in_function(wide):
    """The function's attribute decides a branch that reads the function's
    input and has an initialiser of its own."""
    flag = make_node("Constant", [], ["w"])
    flag.attribute.append(ref("value_int", "wide", AttributeProto.INT))
    then = make_graph(
        [make_node("Mul", ["x", "k"], ["t"])], "then", [], [value("t", None)],
        [numpy_helper.from_array(np.float32([1, 2, 3]), "k")])
    otherwise = make_graph([make_node("ReduceSum", ["x"], ["e"], keepdims=0)],
                           "else", [], [value("e", None)])
    chosen = make_function(
        "own", "chosen", ["x"], ["y"],
        [flag, make_node("Cast", ["w"], ["c"], to=B),
         make_node("If", ["c"], ["y"], then_branch=then,
                   else_branch=otherwise)], OPSETS, ["wide"])
    graph = make_graph([make_node("chosen", ["x"], ["y"], domain="own",
                                  wide=wide)], "branch",
                       [value("x", [2, 3])],
                       [value("y", [2, 3] if wide else [])])
    return make_model(graph, functions=[chosen], opset_imports=OPSETS)


def loop_with_break():
    """Runs while i < 3, reads x from outside, stacks what it saw."""
    body = make_graph(
        [make_node("Add", ["acc", "x"], ["next"]),
         make_node("Less", ["i", "last"], ["more"]),
         make_node("Cast", ["i"], ["f"], to=F),
         make_node("Mul", ["next", "f"], ["seen"])],
        "body", [value("i", [], I), value("c", [], B), value("acc", [2])],
        [value("more", [], B), value("next", [2]), value("seen", [2])],
        [numpy_helper.from_array(np.int64(3), "last")])
    graph = make_graph(
        [make_node("Loop", ["trips", "", "x"], ["sum", "all"], body=body),
         make_node("Relu", ["all"], ["y"])], "loop",
        [value("x", [2])], [value("sum", [2]), value("y", [None, 2])],
        [numpy_helper.from_array(np.int64(9), "trips")])
    return make_model(graph, opset_imports=OPSETS)


def nested_loops():
    """Nine turns of a loop in a loop; the inner trip count is the outer
    counter."""
    inner = make_graph(
        [make_node("Mul", ["v", "two"], ["w"]),
         make_node("Identity", ["c2"], ["d2"])], "inner",
        [value("j", [], I), value("c2", [], B), value("v", [2])],
        [value("d2", [], B), value("w", [2])])
    body = make_graph(
        [make_node("Loop", ["i", "", "acc"], ["grown"], body=inner),
         make_node("Add", ["grown", "x"], ["next"]),
         make_node("Identity", ["c"], ["d"])], "body",
        [value("i", [], I), value("c", [], B), value("acc", [2])],
        [value("d", [], B), value("next", [2])])
    graph = make_graph(
        [make_node("Loop", ["trips", "", "x"], ["y"], body=body)], "nested",
        [value("x", [2])], [value("y", [2])],
        [numpy_helper.from_array(np.int64(4), "trips"),
         numpy_helper.from_array(np.float32(2), "two")])
    return make_model(graph, opset_imports=OPSETS)


def scan(directions, axes, out_directions, out_axes):
    body = make_graph(
        [make_node("Add", ["s", "a"], ["t"]), make_node("Mul", ["t", "b"],
                                                        ["o"])],
        "body", [value("s", [3]), value("a", [3]), value("b", [3])],
        [value("t", [3]), value("o", [3])])
    shapes = [[3, 4] if axis else [4, 3] for axis in axes]
    graph = make_graph(
        [make_node("Scan", ["s0", "p", "q"], ["last", "out"], body=body,
                   num_scan_inputs=2, scan_input_directions=directions,
                   scan_input_axes=axes, scan_output_directions=out_directions,
                   scan_output_axes=out_axes)], "scan",
        [value("s0", [3]), value("p", shapes[0]), value("q", shapes[1])],
        [value("last", [3]),
         value("out", [4, 3] if out_axes == [0] else [3, 4])])
    return make_model(graph, opset_imports=OPSETS)


def scan_batch(directions):
    """Opset 8: a batch, and lengths before the other inputs."""
    body = make_graph(
        [make_node("Add", ["s", "a"], ["t"]),
         make_node("Mul", ["t", "b"], ["o"])],
        "body", [value("s", [3]), value("a", [3]), value("b", [3])],
        [value("t", [3]), value("o", [3])])
    graph = make_graph(
        [make_node("Scan", ["", "s0", "p", "q"], ["last", "out"], body=body,
                   num_scan_inputs=2, directions=directions)], "scan_batch",
        [value("s0", [2, 3]), value("p", [2, 4, 3]), value("q", [2, 4, 3])],
        [value("last", [2, 3]), value("out", [2, 4, 3])])
    return make_model(graph, opset_imports=[make_opsetid("", 8)])


def optimiser(op, states, count, **attrs):
    """One step of two tensors; the states h0 and h1 are sums of squares."""
    names = [f"{kind}{k}" for kind in ("x", "g", *states) for k in (0, 1)]
    out = [f"{kind}{k}_new" for kind in ("x", *states) for k in (0, 1)]
    graph = make_graph(
        [make_node(op, ["r", "t", *names], out, domain=TRAINING,
                   norm_coefficient=0.1, **attrs)], op,
        [value(n, [3]) for n in names], [value(n, [3]) for n in out],
        [numpy_helper.from_array(np.float32(0.3), "r"),
         numpy_helper.from_array(np.int64(count), "t")])
    return make_model(graph, opset_imports=[make_opsetid(TRAINING, 1)])


def evaluate(model, feed):
    """ONNX Runtime lacks the optimisers."""
    if model.opset_import[0].domain == TRAINING:
        return ReferenceEvaluator(model).run(None, feed)
    return ort.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, feed)


def write(folder, model, rng):
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    model.ir_version = 8
    with open(os.path.join(folder, "model.onnx"), "wb") as f:
        f.write(model.SerializeToString())
    feed = {i.name: rng.standard_normal(
        [d.dim_value for d in i.type.tensor_type.shape.dim])
        .astype(np.float32) for i in model.graph.input}
    feed = {n: np.abs(x) if n[0] == "h" else x for n, x in feed.items()}
    made = evaluate(model, feed)
    for kind, arrays in (("input", feed.values()), ("output", made)):
        for k, array in enumerate(arrays):
            with open(os.path.join(data, f"{kind}_{k}.pb"), "wb") as f:
                f.write(numpy_helper.from_array(
                    np.asarray(array)).SerializeToString())


def main():
    rng = np.random.default_rng(5)
    cases = {
        "functions": functions(),
        "branch_then": branch_in_function(1),
        "branch_else": branch_in_function(0),
        "loop_with_break": loop_with_break(),
        "nested_loops": nested_loops(),
        "scan": scan([0, 0], [0, 0], [0], [0]),
        "scan_back": scan([1, 0], [0, 0], [1], [0]),
        "scan_axes": scan([0, 1], [1, 0], [0], [1]),
        "scan_batch": scan_batch([0, 1])}
    for count in (0, 3):
        cases[f"adagrad_{count}"] = optimiser("Adagrad", "h", count,
                                              decay_factor=0.2)
        cases[f"adam_{count}"] = optimiser("Adam", "vh", count, alpha=0.7,
                                           norm_coefficient_post=0.2)
        for mode in ("standard", "nesterov"):
            cases[f"{mode}_{count}"] = optimiser(
                "Momentum", "v", count, alpha=0.7, beta=0.6, mode=mode)
    with tempfile.TemporaryDirectory() as folder:
        for name, model in cases.items():
            write(os.path.join(folder, "node", "test_" + name), model, rng)
        report = os.path.join(folder, "report.json")
        subprocess.run([sys.argv[1], "-d", folder, "-o", report], check=False,
                       stdout=subprocess.DEVNULL)
        with open(report) as f:
            tests = json.load(f)["tests"]
    for t in tests:
        print(t["verdict"], t["name"], t["reason"])
    return any(t["verdict"] != "passed" for t in tests) or \
        len(tests) != len(cases)


if __name__ == "__main__":
    sys.exit(main())
