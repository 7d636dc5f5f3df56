#!/usr/bin/env python3
"""ort_oracle.py - the zoo's networks against ONNX Runtime.

    ort_oracle.py AUTOTM [NETWORK...]

Writes each network with `autotm zoo`, runs it with `autotm run` on a seeded
input and compares with ONNX Runtime: the largest difference may be 1e-4 of
the largest value. Batch 2, so that images cannot be mixed up unnoticed.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

LIMIT = 1e-4


def autotm(binary, *words):
    done = subprocess.run([binary, *words], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"autotm {' '.join(words)}: exit {done.returncode}")
    return done.stdout


def feed(model, session):
    """Seeded inputs: normal numbers; integers that index a table stay inside
    it, others are 0 or 1."""
    rng = np.random.default_rng(1)
    graph = onnx.load(model, load_external_data=False).graph
    rows = {i.name: i.dims[0] for i in graph.initializer if i.dims}
    limit = {n.input[1]: rows[n.input[0]] for n in graph.node
             if n.op_type == "Gather" and n.input[0] in rows}
    return {i.name: rng.integers(0, limit.get(i.name, 2), i.shape)
            if i.type == "tensor(int64)" else
            rng.standard_normal(i.shape, dtype=np.float32)
            for i in session.get_inputs()}


def difference(binary, network, folder):
    """max |ours - theirs| / max |theirs|, and the largest value."""
    model = os.path.join(folder, network + ".onnx")
    autotm(binary, "zoo", network, "--batch", "2", "-o", model)
    onnx.checker.check_model(
        model, full_check=not os.path.exists(model + ".data"))
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    made = session.get_outputs()[0]
    inputs = feed(model, session)
    given = []
    for name, x in inputs.items():
        path = os.path.join(folder, f"in_{name}.npy")
        np.save(path, x)
        given += ["--input", f"{name}={path}"]
    autotm(binary, "run", model, "--planner", "all-fast", "-n", "1",
           "--warmup", "0", "--threads", "1", *given, "--output-dir", folder,
           "-f", "-q", "--store", os.path.join(folder, "profile.db"))
    ours = np.load(os.path.join(folder, made.name + ".npy"))
    theirs = session.run(None, inputs)[0]
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        sys.exit(f"{network}: {ours.dtype} {ours.shape}, expected "
                 f"{theirs.dtype} {theirs.shape}")
    scale = np.abs(theirs).max()
    if not (np.isfinite(scale) and scale > 1e-3):
        sys.exit(f"{network}: a largest value of {scale} compares nothing")
    return float(np.abs(ours - theirs).max() / scale), float(scale)


def main():
    binary, networks = sys.argv[1], sys.argv[2:]
    if not networks:
        networks = [n["name"] for n in
                    json.loads(autotm(binary, "zoo", "--format", "json"))]
    worst = 0.0
    for network in networks:
        with tempfile.TemporaryDirectory() as folder:
            d, scale = difference(binary, network, folder)
        print(f"{network:14} largest value {scale:8.3g}   difference {d:.1e} "
              f"of it   {'ok' if d <= LIMIT else 'TOO LARGE'}", flush=True)
        worst = max(worst, d)
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
