#!/usr/bin/env python3
"""peak.py - the memory of planned runs, by a cgroup's account.

    bench/peak.py BUILD [NETWORK...] [--fast 75%] [--dir /var/tmp]

Each network is planned for a drive (`file:DIR`) and run in a memory cgroup
whose limit is the budget and the stated overhead (160 MiB): weights, feeds,
staging, page cache of the model's file, code and heap. Exits 1 where a run was
killed or moved other bytes than planned, 77 without a writable cgroup.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import cgroup

ZOO = ["resnet50", "vgg16", "mobilenet_v2", "densenet121", "mlp"]


def one(o, network, folder):
    model, plan = folder / "model.onnx", folder / "plan.json"
    autotm, store = o.build / "autotm", folder / "profile.db"
    subprocess.run([autotm, "zoo", network, "-o", model, "-q"],
                   stdout=subprocess.DEVNULL, check=True)
    made = subprocess.run(
        [autotm, "plan", model, "--fast", o.fast, "--slow", f"file:{o.dir}",
         "--threads", "1", "--store", store, "-o", plan, "-q", "--format",
         "json"], stdout=subprocess.PIPE, text=True, check=True)
    planned = json.loads(made.stdout)
    budget = planned["budget_bytes"]
    text, peak = cgroup.run(
        [autotm, "run", model, "--plan", plan, "--store", store, "-n", "3",
         "-q", "--format", "json"], budget + cgroup.STATED)
    moved = json.loads(text)["moved_bytes"]
    exact = moved == planned["moved_bytes"]
    print(f"{network:13} {cgroup.over(peak, budget)}; "
          f"{moved} bytes moved an iteration"
          f"{'' if exact else ', NOT AS PLANNED'}", flush=True)
    return exact


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("build", type=pathlib.Path)
    p.add_argument("networks", nargs="*", default=ZOO)
    p.add_argument("--fast", default="75%")
    p.add_argument("--dir", default="/var/tmp")
    o = p.parse_args()
    cgroup.root()
    good = True
    for network in o.networks or ZOO:
        with tempfile.TemporaryDirectory(dir=o.dir) as folder:
            good &= one(o, network, pathlib.Path(folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
