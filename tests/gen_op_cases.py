#!/usr/bin/env python3
"""Writes tests/data/op_cases*.json: nodes, inputs and the outputs that
onnx.reference.ReferenceEvaluator or ONNX Runtime gives. Run by hand when an
operator joins (in the environment of scripts/venv.sh); the C test replays the
files.

    gen_op_cases.py OUT.json [LIST]       the project's own cases: LIST is
                                          op_case_list, op_case_special or
                                          op_case_new
    gen_op_cases.py OUT.json --suite DIR  single-node cases of a conformance
                                          suite on disk, for a check by hand
"""
import glob
import importlib
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

NAMES = {"float32": "float", "float64": "double"}


def tensor(a):
    if a is None:
        return None
    a = np.asarray(a)
    name = NAMES.get(a.dtype.name, a.dtype.name)
    if a.dtype.kind == "f" or name == "bfloat16":
        values = [float(v) for v in a.ravel()]
        if name == "float":
            values = [float(str(v)) if np.isfinite(v) else float(v)
                      for v in a.ravel()]
        values = [v if np.isfinite(v) else
                  "nan" if v != v else "inf" if v > 0 else "-inf"
                  for v in values]
    else:
        if a.dtype == np.uint64:
            a = a.view(np.int64)
        values = [int(v) for v in a.ravel()]
    return {"t": name, "s": list(a.shape), "v": values}


def attr(a):
    A = onnx.AttributeProto
    if a.type == A.INT:
        return {"i": a.i}
    if a.type == A.FLOAT:
        f = a.f
        return {"f": f if np.isfinite(f) else
                "nan" if f != f else "inf" if f > 0 else "-inf"}
    if a.type == A.STRING:
        return {"s": a.s.decode()}
    if a.type == A.INTS:
        return {"is": list(a.ints)}
    if a.type == A.FLOATS:
        return {"fs": list(a.floats)}
    if a.type == A.STRINGS:
        return {"ss": [s.decode() for s in a.strings]}
    if a.type == A.TENSOR:
        return {"t": tensor(numpy_helper.to_array(a.t))}
    raise ValueError(f"attribute {a.name} of kind {a.type}")


def case(name, node, opset, inputs, outputs):
    return {"name": name, "op": node.op_type, "opset": opset,
            "attrs": {a.name: attr(a) for a in node.attribute},
            "in": [tensor(i) for i in inputs],
            "out": [tensor(o) for o in outputs]}


def suite(root):
    """Single-node models of ai.onnx with dense tensors only."""
    for path in sorted(glob.glob(os.path.join(root, "*/*/model.onnx"))):
        model = onnx.load(path)
        if len(model.graph.node) != 1 or model.opset_import[0].domain:
            continue
        node = model.graph.node[0]
        where = os.path.join(os.path.dirname(path), "test_data_set_0")
        try:
            def read(kind, n):
                t = onnx.TensorProto()
                with open(f"{where}/{kind}_{n}.pb", "rb") as f:
                    t.ParseFromString(f.read())
                return numpy_helper.to_array(t)
            known = {i.name: read("input", n)
                     for n, i in enumerate(model.graph.input)
                     if os.path.exists(f"{where}/input_{n}.pb")}
            for i in model.graph.initializer:
                known.setdefault(i.name, numpy_helper.to_array(i))
            outs = {o.name: read("output", n)
                    for n, o in enumerate(model.graph.output)}
            yield case(path.split("/")[-2], node,
                       model.opset_import[0].version,
                       [known[i] if i else None for i in node.input],
                       [outs.get(o) for o in node.output])
        except Exception as e:
            print(f"skipped {path.split('/')[-2]}: {e}", file=sys.stderr)


def main():
    if "--suite" in sys.argv:
        cases = list(suite(sys.argv[3]))
    else:
        name = sys.argv[2] if len(sys.argv) > 2 else "op_case_list"
        cases = importlib.import_module(name).build(case)
    with open(sys.argv[1], "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":"))
                                   for c in cases) + "\n]\n")
    print(f"{len(cases)} cases", file=sys.stderr)


if __name__ == "__main__":
    main()
