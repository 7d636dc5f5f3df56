#!/usr/bin/env python3
"""predict.py - predicted against measured time of planned runs.

    bench/predict.py [NETWORK...] [--fast 20,50,80] [--slow SPEC] [--rounds N]

One process a network (`predict_run`) profiles afresh, plans each budget and
runs all plans and all-fast in turns, round after round, so that prediction and
measurement meet the same machine. Prints the median error of the whole run and
of a kernel (with its quartiles) over the rounds, all-fast's beside them: what
the model of tiers adds shows as the difference. On an emulated tier it exits 1
where the median over all runs is above 5 %, or that of a kernel above 15 %; on
any tier where a run moved other bytes than were planned.
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
LIMIT, KERNEL_LIMIT = 5.0, 15.0  # percent


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("networks", nargs="*", default=ZOO)
    p.add_argument("--fast", default="20,50,80", help="percents of the peak")
    p.add_argument("--slow", default="emu:profile=optane6")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--iterations", type=int, default=5)
    p.add_argument("--threads", default="1")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    return p.parse_args()


def measure(args, network):
    """Percent of the peak -> [what predict_run says of it, a round each]."""
    with tempfile.TemporaryDirectory() as temp:
        model = pathlib.Path(temp) / "model.onnx"
        subprocess.run([args.build / "autotm", "zoo", network, "-o", model,
                        "-q"], stdout=subprocess.DEVNULL, check=True)
        done = subprocess.run(
            [args.build / "bench" / "predict_run", model, args.slow,
             args.threads, pathlib.Path(temp) / "profile.db",
             str(args.rounds), str(args.iterations), *args.fast.split(",")],
            stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"predict_run {network}: exit {done.returncode}")
    result = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        result.setdefault(row["percent"], []).append(row)
    return result


def error(predicted, measured):
    return 100 * (predicted - measured) / measured


def summary(rounds):
    """Of one plan: medians over the rounds."""
    def middle(key):
        return statistics.median(r[key] for r in rounds)
    kernels = [abs(error(p, m)) for r in rounds for p, m in r["kernels"]]
    return {
        "predicted": middle("predicted"), "measured": middle("measured"),
        "error": statistics.median(error(r["predicted"], r["measured"])
                                   for r in rounds),
        "kernels": statistics.quantiles(kernels, n=4),
        "moved": rounds[-1]["moved_bytes"],
        "exact": all(r["moved_bytes"] == r["planned_bytes"] for r in rounds)}


def show(network, percent, x, fast):
    low, middle, high = x["kernels"]
    print(f"{network:13} {percent:>4}% {x['predicted'] * 1e3:10.3f} "
          f"{x['measured'] * 1e3:10.3f} {x['error']:+7.1f}% "
          f"{fast['error']:+8.1f}% {middle:7.1f}% {low:5.1f} to {high:5.1f}% "
          f"{x['moved']:12} {'exact' if x['exact'] else 'NOT AS PLANNED'}",
          flush=True)


def main():
    args = arguments()
    errors, kernel_errors, exact, emulated = [], [], True, True
    print(f"slow tier {args.slow}, {args.threads} thread(s), ms, medians of "
          f"{args.rounds} rounds of {args.iterations}")
    print(f"{'':19} {'predicted':>10} {'measured':>10} {'error':>8} "
          f"{'all-fast':>9} {'a kernel':>8} {'quartiles':>14} "
          f"{'bytes moved':>12}")
    for network in args.networks:
        result = measure(args, network)
        fast = summary(result.pop(100))
        for percent, rounds in result.items():
            x = summary(rounds)
            emulated = rounds[0]["emulated"]
            show(network, percent, x, fast)
            errors.append(abs(x["error"]))
            kernel_errors.append(x["kernels"][1])
            exact = exact and x["exact"]
    whole, kernel = map(statistics.median, (errors, kernel_errors))
    print(f"{'emulated' if emulated else 'real'}: median error of a run "
          f"{whole:.1f} % (largest {max(errors):.1f}), of a kernel "
          f"{kernel:.1f} %; bytes {'as planned' if exact else 'DIFFER'}")
    missed = emulated and (whole > LIMIT or kernel > KERNEL_LIMIT)
    return 1 if missed or not exact else 0


if __name__ == "__main__":
    sys.exit(main())
