#!/usr/bin/env python3
"""tile.py - a large planning problem out of a small one.

    bench/tile.py PROBLEM.json[.gz] KERNELS OUT.json.gz [--seed N] [--nested]

Copies of the problem follow each other until there are KERNELS kernels (the
last copy is whole), each kernel's seconds times 0.95 to 1.05 by the seed. The
copies' weights live throughout, so they compete for fast memory. --nested: the
first halves of all copies, then the second halves in reverse, as in one deep
network with a forward and a backward pass; its peak is estimated.
"""
import argparse
import gzip
import json
import random


def load(path):
    with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as f:
        return json.load(f)


def scaled(t, factor):
    if isinstance(t, list):
        return [None if x is None else x * factor for x in t]
    rows = {key: [None if x is None else x * factor for x in t[key]]
            for key in ("slow", "latency") if key in t}
    return {**t, "base": t["base"] * factor, **rows}


def copy_of_kernel(kernel, first_tensor, factor):
    def use(part):
        part = dict(part)
        for key in ("ins", "outs"):
            if key in part:
                part[key] = [i + first_tensor for i in part[key]]
        if "t" in part:
            part["t"] = scaled(part["t"], factor)
        return part

    out = use(kernel)
    if "variants" in kernel:
        out["variants"] = [use(v) for v in kernel["variants"]]
    return out


def live_peak(problem):
    """Bytes of live tensors, at most, with pairs counted twice."""
    n = len(problem["kernels"])
    first, last = {}, {}
    for k, kernel in enumerate(problem["kernels"]):
        for part in [kernel] + kernel.get("variants", []):
            for t in part.get("ins", []) + part.get("outs", []):
                first.setdefault(t, k)
                last[t] = k
    change = [0] * (n + 1)
    for i, t in enumerate(problem["tensors"]):
        if t.get("arg"):
            first[i], last[i] = 0, n - 1
        if i in first:
            change[first[i]] += t["size"]
            change[n if t.get("out") else last[i] + 1] -= t["size"]
    peak = held = 0
    for c in change:
        held += c
        peak = max(peak, held)
    return peak


def nest(problem, length):
    """First halves, then second halves from the last copy to the first."""
    n = len(problem["kernels"])
    half = length // 2
    order = [i for i in range(n) if i % length < half]
    for at in range(n - length, -1, -length):
        order += range(at + half, at + length)
    if any("producers" in t for t in problem["tensors"]):
        raise SystemExit("tile.py: several producers cannot be nested")
    problem = {**problem, "kernels": [problem["kernels"][i] for i in order]}
    return {**problem, "name": problem["name"] + " nested",
            "peak": live_peak(problem)}


def tile(problem, kernels, seed, nested=False):
    if problem["cyclic"] or problem.get("carry"):
        raise SystemExit("tile.py: only problems of one pass can be tiled")
    rng = random.Random(seed)
    tensors, out = [], []
    while len(out) < kernels:
        first_tensor, first_kernel = len(tensors), len(out)
        for t in problem["tensors"]:
            t = dict(t)
            if "producers" in t:
                t["producers"] = [[k + first_kernel, b]
                                  for k, b in t["producers"]]
            tensors.append(t)
        out += [copy_of_kernel(k, first_tensor, rng.uniform(0.95, 1.05))
                for k in problem["kernels"]]
    copies = len(out) // len(problem["kernels"])
    weights = sum(t["size"] for t in problem["tensors"]
                  if t.get("arg") or t.get("out"))
    peak = problem["peak"] + (copies - 1) * weights
    tiled = {**problem, "name": "%s x %d" % (problem["name"], copies),
             "tensors": tensors, "kernels": out, "peak": peak, "budgets": []}
    return nest(tiled, len(problem["kernels"])) if nested else tiled


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("problem")
    p.add_argument("kernels", type=int)
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--nested", action="store_true")
    a = p.parse_args()
    text = json.dumps(tile(load(a.problem), a.kernels, a.seed, a.nested))
    with gzip.open(a.out, "wt", compresslevel=1) as f:
        f.write(text)


if __name__ == "__main__":
    main()
