#!/usr/bin/env python3
"""networks.py - large planning problems unlike the shared ones, by seed.

    bench/networks.py SHAPE KERNELS OUT.json.gz [--seed N] [--noise F]
                      [--forbid F] [--slow F] [--cyclic] [--infer]

SHAPE: chain, unet (skips from the first half to the second), dense (each
layer reads those before it in its block), branches (some side by side,
joined), transformer. By default a training graph: backward kernels that read
what forward ones kept, one update a weight, with a moment as state. --infer:
forward only. --noise: each table entry times 1 +- F. --forbid: share of
operands that may not be slow. --slow: slow memory as a share of all bytes.
--cyclic: weights and moments are carried from iteration to iteration.
Costs: fast 100, slow read 30, slow write 10 GB/s, 3 TFLOP/s.
"""
import argparse
import gzip
import json
import random

MB = 1 << 20


class Net:
    def __init__(self, a):
        self.a, self.r = a, random.Random(a.seed)
        self.tensors, self.kernels, self.carry, self.tape = [], [], [], []

    def tensor(self, size, **more):
        self.tensors.append({"size": int(size) // 64 * 64 + 64, **more})
        return len(self.tensors) - 1

    def seconds(self, ops, outs, flops):
        n = len(ops)
        size = [self.tensors[t]["size"] for t in ops]
        slow = [s / (10e9 if t in outs else 30e9) for t, s in zip(ops, size)]
        fast = [s / 100e9 for s in size]
        if n > 7:
            return {"base": flops, "slow": slow, "combine": "max"}
        banned = [self.r.random() < self.a.forbid for _ in ops]
        t = []
        for mask in range(1 << n):
            bits = [mask >> j & 1 for j in range(n)]
            v = max(flops, sum(s if b else f
                               for b, s, f in zip(bits, slow, fast)))
            v *= 1 + self.r.uniform(-self.a.noise, self.a.noise)
            t.append(None if any(b and x for b, x in zip(bits, banned))
                     else v)
        return t

    def kernel(self, name, ins, outs, work=0.5, **more):
        ins = list(dict.fromkeys(ins))
        touched = sum(self.tensors[t]["size"] for t in ins + outs)
        self.kernels.append({
            "name": name, "ins": ins, "outs": outs,
            "t": self.seconds(ins + outs, outs, work * touched / 30e9),
            **more})

    def layer(self, name, ins, size, weight=0, work=0.5):
        """A forward kernel, remembered for the backward pass."""
        w = [self.tensor(weight, arg=1)] if weight else []
        out = self.tensor(size)
        scratch = int(self.r.choice([0, 0, 0.1]) * size)
        self.kernel(name, ins + w, [out], work, scratch=scratch)
        self.tape.append((name, ins, w, out, work))
        return out

    def backward(self, last):
        grad = {last: self.tensor(self.tensors[last]["size"])}
        self.kernel("loss", [last], [grad[last]])
        for name, ins, w, out, work in reversed(self.tape):
            if out not in grad:
                continue
            g = grad.pop(out)
            for x in ins:
                if self.tensors[x].get("arg"):
                    continue
                d = self.tensor(self.tensors[x]["size"])
                self.kernel(name + "_d", w + [g, x], [d], work)
                if x in grad:       # gradients add up, in place
                    s = self.tensor(self.tensors[x]["size"])
                    self.kernel("add", [grad[x], d], [s],
                                inplace=[[0, 0, "must"]])
                    d = s
                grad[x] = d
            for x in w:
                self.update(name, ins, x, g, work)

    def update(self, name, ins, w, g, work):
        size = self.tensors[w]["size"] - 64
        dw = self.tensor(size)
        self.kernel(name + "_dw", ins + [g], [dw], work)
        m = self.tensor(size, arg=1)
        if self.a.cyclic:
            m2, w2 = self.tensor(size), self.tensor(size)
            self.kernel("update", [m, w, dw], [m2, w2],
                        inplace=[[0, 0, "must"], [1, 1, "must"]])
            self.carry += [[m2, m], [w2, w]]
        else:
            self.kernel("update", [m, w, dw], [self.tensor(64)])

    def build(self):
        x = self.tensor(64 * MB, **({} if self.a.cyclic else {"arg": 1}))
        if self.a.cyclic:
            self.kernels.append({"name": "feed", "ins": [], "outs": [x],
                                 "t": [0, 0]})
        forward = self.a.kernels // (1 if self.a.infer else 4)
        x = getattr(self, self.a.shape)(x, forward)
        if self.a.infer:
            self.tensors[x]["out"] = 1
        else:
            self.backward(x)

    # ---- shapes: return the last tensor after about n kernels ----

    def chain(self, x, n):
        size = 256 * MB
        for i in range(n):
            if i % max(8, n // 6) == 0 and i:
                size //= 2
            x = self.layer("conv", [x], size, self.r.uniform(0.2, 8) * MB,
                           self.r.uniform(0.2, 2))
        return x

    def unet(self, x, n):
        skips, size = [], 512 * MB
        for i in range(n // 2):
            x = self.layer("down", [x], size, self.r.uniform(0.5, 9) * MB)
            if i % 3 == 2:
                skips.append((x, size))
            if i % max(6, n // 10) == 0 and i:
                size //= 2
        while skips:
            skip, size = skips.pop()
            x = self.layer("up", [x, skip], size, self.r.uniform(1, 9) * MB)
            x = self.layer("conv", [x], size, self.r.uniform(1, 9) * MB, 1)
        return x

    def dense(self, x, n):
        made = 0
        while made < n:
            block = [x]
            for _ in range(min(10, n - made)):
                c = self.layer("concat", block[-6:], 40 * MB * len(block[-6:]),
                               work=0.1)
                block.append(self.layer("conv", [c], 40 * MB, 1 * MB, 1.5))
                made += 2
            x = self.layer("pool", block[-6:], 80 * MB, 2 * MB)
        return x

    def branches(self, x, n):
        made = 0
        while made < n:
            ends = []
            for _ in range(self.r.randint(2, 6)):
                y = x
                for _ in range(self.r.randint(1, 4)):
                    y = self.layer("conv", [y], self.r.uniform(8, 90) * MB,
                                   self.r.uniform(0.1, 5) * MB,
                                   self.r.uniform(0.2, 3))
                    made += 1
                ends.append(y)
            x = self.layer("join", ends, 160 * MB, work=0.2)
            made += 1
        return x

    def transformer(self, x, n):
        for _ in range(n // 8):
            h = self.layer("norm", [x], 64 * MB, work=0.1)
            qkv = self.layer("qkv", [h], 192 * MB, 12 * MB, 2)
            p = self.layer("scores", [qkv], 320 * MB, work=0.8)
            p = self.layer("softmax", [p], 320 * MB, work=0.1)
            o = self.layer("mix", [p, qkv], 64 * MB, work=1)
            x = self.layer("out", [o, x], 64 * MB, 4 * MB, 1)
            h = self.layer("up", [x], 256 * MB, 16 * MB, 3)
            x = self.layer("down", [h, x], 64 * MB, 16 * MB, 3)
        return x

    def problem(self):
        self.build()
        d = {"format": "autotm-problem", "version": 1,
             "name": "%s-%d" % (self.a.shape, self.a.seed),
             "cyclic": int(self.a.cyclic), "read_bw": 30e9, "write_bw": 10e9,
             "align": 64, "tensors": self.tensors, "kernels": self.kernels}
        if self.carry:
            d["carry"] = self.carry
        if self.a.slow:
            d["slow_bytes"] = int(
                self.a.slow * sum(t["size"] for t in self.tensors))
        return d


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("shape", choices=["chain", "unet", "dense", "branches",
                                     "transformer"])
    p.add_argument("kernels", type=int)
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=1)
    for share in ("noise", "forbid", "slow"):
        p.add_argument("--" + share, type=float, default=0)
    p.add_argument("--cyclic", action="store_true")
    p.add_argument("--infer", action="store_true")
    a = p.parse_args()
    with gzip.open(a.out, "wt", compresslevel=1) as f:
        json.dump(Net(a).problem(), f)


if __name__ == "__main__":
    main()
