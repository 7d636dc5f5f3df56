#!/usr/bin/env python3
"""What a plan promises, on every zoo network at several budgets.

    zoo_plans.py AUTOTM CHECK_BOUND [NETWORK...]

Plans each network for 20, 35, 50 and 80 % of its peak and asserts: a gap of at
most 1 %; the published bound is what scripts/check_bound.py computes from the
certificate in exact arithmetic; the pool is within the budget and is what the
plan file reserves; `verify` finds the outputs bit-identical. The same for
planner async at 20, 35 and 50 %, where the prediction is no worse than sync's
and, under clock=table, what a run takes. Then a flipped byte, a skipped move
and a skipped wait, planted in the move engine, make `verify` exit 7, and a plan
file without one of its moves is refused (exit 3).
"""
import json
import os
import subprocess
import sys
import tempfile

BUDGETS = {"sync": ("20%", "35%", "50%", "80%"),
           "async": ("20%", "35%", "50%")}
NETWORKS = ("mlp", "resnet50", "vgg16", "mobilenet_v2", "densenet121")


def call(argv, want=0):
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode != want:
        sys.exit("%s\nexit %d, not %d\n%s%s" % (
            " ".join(argv), r.returncode, want, r.stdout, r.stderr))
    return r.stdout


def need(cond, text):
    if not cond:
        sys.exit(text)


def one(autotm, check_bound, network, planner, budget):
    """A plan and its checks; its predicted seconds."""
    model = network + ".onnx"
    common = ["--store", "profile.db", "--threads", "1", "-q"]
    s = json.loads(call([autotm, "plan", model, "--fast", budget, "-f", "-o",
                         "plan.json", "--emit-problem", "problem.json",
                         "--planner", planner, "--format", "json"] + common))
    plan = json.load(open("plan.json"))
    where = "%s at %s by %s" % (network, budget, planner)
    need(s["gap"] <= 0.01 or planner == "async",
         "%s: a gap of %g" % (where, s["gap"]))
    pool = plan["tiers"][0]["pool_bytes"]
    need(pool == s["fast_peak_bytes"] <= s["budget_bytes"],
         "%s: pool %d, peak %d, budget %d" % (
             where, pool, s["fast_peak_bytes"], s["budget_bytes"]))
    proven = float(call([sys.executable, check_bound, "problem.json",
                         "plan.json", str(s["budget_bytes"])]).split()[-1])
    need(abs(proven - s["lower_bound_seconds"]) <= 2e-9,
         "%s: says a bound of %.9f, its prices prove %.9f" % (
             where, s["lower_bound_seconds"], proven))
    v = json.loads(call([autotm, "verify", model, "--plan", "plan.json",
                         "--format", "json"] + common))
    need(v["identical"] is True, where + ": not bit-identical")
    print("%-13s %-5s %4s  predicted %.6f s, bound %.6f, gap %.4f %%, moved %d, "
          "pool %d of %d, identical" % (
              network, planner, budget, s["predicted_seconds"], proven,
              100 * s["gap"], s["moved_bytes"], pool, s["budget_bytes"]),
          flush=True)
    return s["predicted_seconds"]


def beside(autotm):
    """Moves beside kernels: prediction and run agree, a wait too few shows."""
    common = ["--store", "profile.db", "--threads", "1", "-q"]
    call([autotm, "plan", "resnet50.onnx", "--fast", "50%", "--planner",
          "async", "--slow", "emu:profile=nvme4,clock=table", "-f", "-o",
          "beside.json"] + common)
    plan = json.load(open("beside.json"))
    n = sum(s["do"] == "start" for s in plan["steps"])
    need(n > 0, "no move beside kernels")
    r = json.loads(call([autotm, "run", "resnet50.onnx", "--plan",
                         "beside.json", "--format", "json"] + common))
    need(abs(r["seconds"] / plan["predicted_seconds"] - 1) < 1e-6,
         "predicted %g, run %g" % (plan["predicted_seconds"], r["seconds"]))
    need(all(abs(s["seconds"] - s["predicted_seconds"]) < 1e-9
             for s in r["steps"]), "a step is not as predicted")
    for move in (0, n // 2, n - 1):
        call([autotm, "verify", "resnet50.onnx", "--plan", "beside.json",
              "--inject", "late@%d" % move] + common, want=7)
    print("%d moves beside kernels: run as predicted; without a wait: exit 7"
          % n)


def faults(autotm):
    """A plan with moves: resnet50 where kernels cannot run on the slow tier."""
    common = ["--store", "profile.db", "--threads", "1", "-q"]
    call([autotm, "plan", "resnet50.onnx", "--fast", "50%", "--slow",
          "emu:profile=nvme4", "-f", "-o", "moves.json"] + common)
    for fault in ("flip@0", "skip@0"):
        call([autotm, "verify", "resnet50.onnx", "--plan", "moves.json",
              "--inject", fault] + common, want=7)
    plan = json.load(open("moves.json"))
    at = next(i for i, s in enumerate(plan["steps"]) if s["do"] == "move")
    moved = plan["steps"][at]
    for r in plan["residences"]:            # the steps behind it move up
        for key in ("first_step", "last_step"):
            r[key] -= r[key] > at
    del plan["steps"][at]
    json.dump(plan, open("broken.json", "w"))
    call([autotm, "verify", "resnet50.onnx", "--plan", "broken.json"] + common,
         want=3)
    print("flipped byte, skipped move: exit 7; a plan without the move of %s: "
          "exit 3" % plan["tensors"][moved["tensor"]]["name"])


def main(argv):
    autotm, check_bound = (os.path.abspath(a) for a in argv[1:3])
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        for network in argv[3:] or NETWORKS:
            call([autotm, "zoo", network, "-o", network + ".onnx"])
            seconds = {}
            for planner, budgets in BUDGETS.items():
                for budget in budgets:
                    seconds[planner, budget] = one(autotm, check_bound,
                                                   network, planner, budget)
            for budget in BUDGETS["async"]:
                need(seconds["async", budget] <=
                     seconds["sync", budget] * (1 + 1e-9),
                     "%s at %s: async is worse than sync" % (network, budget))
        if not argv[3:]:
            faults(autotm)
            beside(autotm)
        os.chdir("/")


if __name__ == "__main__":
    main(sys.argv)
