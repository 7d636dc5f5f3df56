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


def difference(binary, network, folder):
    """max |ours - theirs| / max |theirs|, and the largest value."""
    model = os.path.join(folder, network + ".onnx")
    autotm(binary, "zoo", network, "--batch", "2", "-o", model)
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    made = session.get_outputs()[0]
    x = np.random.default_rng(1).standard_normal(given.shape,
                                                 dtype=np.float32)
    x_path = os.path.join(folder, "x.npy")
    np.save(x_path, x)
    autotm(binary, "run", model, "--planner", "all-fast", "-n", "1",
           "--warmup", "0", "--input", f"{given.name}={x_path}",
           "--output-dir", folder, "-f", "-q", "--store",
           os.path.join(folder, "profile.db"))
    ours = np.load(os.path.join(folder, made.name + ".npy"))
    theirs = session.run(None, {given.name: x})[0]
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
