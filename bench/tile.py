#!/usr/bin/env python3
"""tile.py - a large planning problem out of a small one.

    bench/tile.py PROBLEM.json[.gz] KERNELS OUT.json.gz [--seed N]

Copies of the problem follow each other until there are KERNELS kernels (the
last copy is whole), each kernel's seconds times 0.95 to 1.05 by the seed. The
copies' weights live throughout, so they compete for fast memory.
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


def tile(problem, kernels, seed):
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
    return {**problem, "name": "%s x %d" % (problem["name"], copies),
            "tensors": tensors, "kernels": out, "peak": peak, "budgets": []}


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("problem")
    p.add_argument("kernels", type=int)
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    text = json.dumps(tile(load(a.problem), a.kernels, a.seed))
    with gzip.open(a.out, "wt", compresslevel=1) as f:
        f.write(text)


if __name__ == "__main__":
    main()
