#!/usr/bin/env python3
"""vs_ort.py - speed of an all-fast run against ONNX Runtime.

    bench/vs_ort.py [NETWORK] [--batch N] [--rounds N] [--at-least RATIO]

Run it with the python of scripts/venv.sh. Both sides are warm in processes of
their own, pinned to one core, one thread each, and take turns iteration by
iteration with a pause in between, so that whatever else the machine does meets
both. Prints medians and minima with their ratio (above 1: autotm is faster)
and the largest difference of the outputs. Exits 1 below --at-least.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAUSE_S = 0.01


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("network", nargs="?", default="resnet50")
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--rounds", type=int, default=30)
    p.add_argument("--at-least", type=float, default=0.0)
    p.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    return p.parse_args()


class Ours:
    def __init__(self, build, model, given, made):
        self.made = made
        self.child = subprocess.Popen(
            [build / "bench/run_loop", model, given, made, "1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def iterate(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            sys.exit("run_loop ended early")
        return float(line)

    def output(self, np):
        self.child.stdin.close()
        if self.child.wait() != 0:
            sys.exit("run_loop failed")
        return np.load(self.made)


class Peer:
    def __init__(self, model):
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(
            model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.given = None  # set before the first iteration

    def iterate(self):
        start = time.perf_counter()
        self.result = self.session.run(None, self.given)[0]
        return time.perf_counter() - start


def main():
    args = arguments()
    os.sched_setaffinity(0, {args.cpu})
    import numpy as np
    with tempfile.TemporaryDirectory() as temp:
        model, given, made = (os.path.join(temp, f) for f in
                              ("model.onnx", "x.npy", "y.npy"))
        subprocess.run([args.build / "autotm", "zoo", args.network, "--batch",
                        str(args.batch), "-o", model, "-q"], check=True,
                       stdout=subprocess.DEVNULL)
        peer = Peer(model)
        x = np.random.default_rng(0).standard_normal(peer.input.shape,
                                                     dtype=np.float32)
        peer.given = {peer.input.name: x}
        np.save(given, x)
        ours = Ours(args.build, model, given, made)
        times = {"autotm": [], "onnxruntime": []}
        for n in range(args.rounds + 3):
            for side, runner in (("autotm", ours), ("onnxruntime", peer)):
                seconds = runner.iterate()
                if n >= 3:  # warm
                    times[side].append(seconds)
                time.sleep(PAUSE_S)
        y = ours.output(np)
    difference = np.abs(y - peer.result).max() / np.abs(peer.result).max()
    print(f"{args.network} batch {args.batch}, all-fast, 1 thread on core "
          f"{args.cpu}, {args.rounds} turns")
    ratio = {}
    for name, of in (("median", statistics.median), ("minimum", min)):
        a, b = of(times["autotm"]), of(times["onnxruntime"])
        ratio[name] = b / a
        print(f"{name:8} autotm {a * 1e3:8.2f} ms   onnxruntime "
              f"{b * 1e3:8.2f} ms   speed {b / a:.3f}x")
    print(f"outputs differ by {difference:.1e} of the largest value")
    return 0 if ratio["median"] >= args.at_least and difference <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
