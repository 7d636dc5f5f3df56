#!/usr/bin/env python3
"""ort_extent.py - shapes that depend on data, against ONNX Runtime.

    ort_extent.py AUTOTM

Small models with NonZero, Compress, Unique, NonMaxSuppression, TopK and Slice
whose results go on into other operators; all fast, and at the smallest budget
that moves tensors. Shapes, types and values must be ONNX Runtime's.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h

RUNS = [["--planner", "all-fast"], ["--planner", "sync", "--fast", "60%"]]


def models():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 3, (6, 5)).astype(np.float32)
    node = h.make_node
    ints = {"zero": [0], "one": [1], "two": [2], "three": [3], "flat": [-1],
            "twenty": [20]}
    yield "nonzero", {"x": x}, ["pt", "u", "s", "r"], [
        node("NonZero", ["x"], ["p"]),
        node("Transpose", ["p"], ["pt"], perm=[1, 0]),
        node("GatherND", ["x", "pt"], ["v"]),
        node("Mul", ["v", "v"], ["w"]),
        node("Unsqueeze", ["w", "one"], ["u"]),
        node("Shape", ["u"], ["s"]),
        node("ReduceSum", ["u"], ["r"], keepdims=0)], ints
    yield "nothing", {"x": np.zeros((2, 3), np.float32)}, ["f"], [
        node("NonZero", ["x"], ["p"]), node("Cast", ["p"], ["f"], to=1)], {}
    yield "topk", {"x": x, "k": np.array([3])}, ["y", "i"], [
        node("TopK", ["x", "k"], ["v", "i"], axis=1),
        node("Softmax", ["v"], ["y"], axis=1)], {}
    corner = rng.uniform(0, 10, (1, 40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 4, (1, 40, 2))],
                           2).astype(np.float32)
    scores = rng.uniform(0, 1, (1, 3, 40)).astype(np.float32)
    yield "nms", {"b": boxes, "s": scores}, ["sel", "picked", "n"], [
        node("NonMaxSuppression", ["b", "s", "twenty"], ["sel"]),
        node("Slice", ["sel", "two", "three", "one"], ["column"]),
        node("Squeeze", ["column", "one"], ["index"]),
        node("Squeeze", ["b", "zero"], ["bb"]),
        node("Gather", ["bb", "index"], ["picked"], axis=0),
        node("Shape", ["picked"], ["n"])], ints
    yield "slice", {"x": x - 1, "a": np.array([1, 0]),
                    "e": np.array([4, -2])}, ["y", "q"], [
        node("Slice", ["x", "a", "e"], ["y"]),
        node("Relu", ["y"], ["z"]),
        node("Reshape", ["z", "flat"], ["q"])], ints
    yield "unique", {"x": x, "c": x[:, 0] > 0}, ["u", "back", "n"], [
        node("Compress", ["x", "c"], ["some"], axis=0),
        node("Unique", ["some"], ["u", "", "back", "n"])], {}


def check(autotm, folder, name, given, outputs, nodes, ints):
    graph = h.make_graph(
        nodes, name,
        [h.make_tensor_value_info(k, h.np_dtype_to_tensor_dtype(v.dtype),
                                  v.shape) for k, v in given.items()],
        [h.make_empty_tensor_value_info(o) for o in outputs],
        [h.make_tensor(k, T.INT64, [1], v) for k, v in ints.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)],
                         ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    path = os.path.join(folder, name + ".onnx")
    onnx.save(model, path)
    want = ort.InferenceSession(
        path, providers=["CPUExecutionProvider"]).run(outputs, given)
    words = [autotm, "run", path, "-n", "2", "-f", "-q", "--output-dir",
             folder, "--store", os.path.join(folder, "store")]
    for key, value in given.items():
        np.save(os.path.join(folder, key + ".npy"), value)
        words += ["--input", f"{key}={os.path.join(folder, key)}.npy"]
    for how in RUNS:
        subprocess.run(words + how, check=True)
        for o, w in zip(outputs, want):
            got = np.load(os.path.join(folder, o + ".npy"))
            assert got.dtype == w.dtype and got.shape == w.shape and \
                np.allclose(got, w, rtol=1e-5), (name, how, o, got, w)
    print(f"{name}: {len(outputs)} outputs as ONNX Runtime's")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for model in models():
            check(sys.argv[1], folder, *model)


if __name__ == "__main__":
    main()
