#!/usr/bin/env python3
"""predict.py - predicted against measured time of planned runs.

    bench/predict.py [NETWORK...] [--fast B,B..] [--rounds N] [--limit PERCENT]

Each round profiles afresh, plans and runs, so that prediction and measurement
meet the same machine; `run --compare` measures all-fast in turns with the
plan. Prints medians over the rounds and both errors: what the model of tiers
adds shows as the difference between the two. Exits 1 where the error of a
planned run is above --limit.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZOO = ["resnet50", "vgg16", "mobilenet_v2", "densenet121", "mlp"]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("networks", nargs="*", default=ZOO)
    p.add_argument("--fast", default="20%,50%")
    p.add_argument("--slow", default="emu:profile=optane6")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--limit", type=float, default=15.0)
    p.add_argument("--threads", default="1")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    return p.parse_args()


def autotm(args, *words):
    done = subprocess.run([args.build / "autotm", *words, "--format", "json",
                           "-q"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"autotm {' '.join(map(str, words))}: "
                 f"exit {done.returncode}")
    return json.loads(done.stdout)


def one_round(args, folder, model, budgets):
    """budget -> what `run --compare` says, from a new profile."""
    common = ("--slow", args.slow, "--threads", args.threads, "--store",
              folder / "profile.db")
    autotm(args, "profile", model, "--fresh", *common)
    result = {}
    for budget in budgets:
        plan = folder / "plan.json"
        autotm(args, "plan", model, "--fast", budget, "-o", plan, "-f",
               *common)
        result[budget] = autotm(args, "run", model, "--plan", plan, "-n", "5",
                                "--compare", *common[2:])
    return result


def error(predicted, measured):
    return 100 * (predicted - measured) / measured


def report(network, budget, runs):
    """Prints a row; returns the error of the planned run in percent."""
    def median(key):
        return statistics.median(run[key] for run in runs)
    predicted, measured = median("predicted_seconds"), median("seconds")
    fast_predicted = median("all_fast_seconds")
    fast_measured = median("all_fast_measured_seconds")
    planned = error(predicted, measured)
    print(f"{network:13} {budget:>5} {predicted * 1e3:10.2f} "
          f"{measured * 1e3:10.2f} {planned:+7.1f}% "
          f"{fast_predicted * 1e3:10.2f} {fast_measured * 1e3:10.2f} "
          f"{error(fast_predicted, fast_measured):+7.1f}%", flush=True)
    return planned


def main():
    args = arguments()
    budgets = args.fast.split(",")
    worst = 0.0
    print(f"ms, medians of {args.rounds} rounds, slow tier {args.slow} "
          f"(emulated), {args.threads} thread(s)")
    print(f"{'':19} {'predicted':>10} {'measured':>10} {'error':>8} "
          f"{'all-fast p':>10} {'all-fast m':>10} {'error':>8}")
    for network in args.networks:
        with tempfile.TemporaryDirectory() as temp:
            folder = pathlib.Path(temp)
            model = folder / "model.onnx"
            autotm(args, "zoo", network, "-o", model)
            rounds = [one_round(args, folder, model, budgets)
                      for _ in range(args.rounds)]
        for budget in budgets:
            worst = max(worst, abs(report(network, budget,
                                          [r[budget] for r in rounds])))
    print(f"largest error of a planned run: {worst:.1f} %")
    return 0 if worst <= args.limit else 1


if __name__ == "__main__":
    sys.exit(main())
