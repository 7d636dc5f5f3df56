#!/usr/bin/env python3
"""planner.py - the planner against its targets, on one core.

    bench/planner.py [PROBLEM...] [--tile KERNELS [--nested]] [--against]
                     [--fast P,P..]
    bench/planner.py [PROBLEM...] --modes

For each problem file and each budget in it: certified gap; CPU seconds of the
whole command to --gap (reading, solving, packing, checking), and until the plan
and its proof were there; peak memory; objective over the best known; when the
first plan was there that is within 25 % of the last, in CPU milliseconds since
the one without any choice, and its seconds over the last one's. --tile plans for copies of each
problem instead (bench/tile.py); above 10,000 kernels the gap asked for is 2 %.
--against writes the integer program with --emit-lp (all memory rows that none
other implies, then only those that ours ended with) and gives it to CBC and to
HiGHS, one thread, to the same gap, and prints their CPU seconds over ours
(bench/others.py); one that is not installed (coinor-cbc; highspy) is left out.
--modes prints AutoTM's modes side by side (bench/modes.py). Exits 1 where a
gap, an objective, the CPU seconds or the memory (200 MB, up to 10,000 kernels)
miss, the first plan takes over 50 ms up to 2,000 kernels, another solver is
ahead above 1,000 kernels, or a mode is worse than the one it extends.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import modes  # noqa: E402
import others  # noqa: E402
import tile  # noqa: E402

PROBLEMS = ["resnet50", "bert24", "resnet200", "vgg416"]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("problems", nargs="*")
    p.add_argument("--autotm", default="build/autotm")
    p.add_argument("--fast", help="percent of the peak, in place of the "
                   "file's budgets")
    p.add_argument("--gap", type=float)
    p.add_argument("--tile", type=int, metavar="KERNELS")
    p.add_argument("--nested", action="store_true")
    p.add_argument("--against", action="store_true")
    p.add_argument("--modes", action="store_true")
    p.add_argument("--limit", type=int, default=120,
                   help="CPU seconds for each other solver")
    p.add_argument("--core", type=int, default=0)
    return p.parse_args()


def timed(command):
    """CPU seconds, peak MB, stdout and stderr of a command."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, use = os.wait4(child.pid, 0)
        out.seek(0)
        err.seek(0)
        text, said = out.read().decode(), err.read().decode()
    if status:
        sys.exit("planner.py: %s failed: %s" % (
            " ".join(map(str, command)), said))
    return use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, text, said


def plan(a, path, budget, *more):
    cpu, rss, text, said = timed(
        [a.autotm, "plan", "--problem", path, "--fast", str(budget), "--gap",
         str(a.gap or 0.001), "--format", "json", "-v", *more])
    return cpu, rss, json.loads(text), said


UNIT = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
SAID = re.compile(r"^plan: .*\(CPU ([0-9.]+) s\), best ([0-9.]+) "
                  r"(\w+).*gap ([0-9.]+) %", re.MULTILINE)


def improvements(said):
    """(CPU seconds, objective, gap) of each line of progress."""
    return [(float(cpu), float(best) * UNIT[unit], float(gap) / 100)
            for cpu, best, unit, gap in SAID.findall(said)]


def budgets(a, problem):
    if a.fast:
        return [{"bytes": int(problem["peak"] * float(f) / 100),
                 "fraction": float(f) / 100} for f in a.fast.split(",")]
    return problem["budgets"]


def measure(a, path, problem):
    missed = 0
    name, n = problem["name"], len(problem["kernels"])
    wanted = 0.001 if n <= 10000 else 0.02
    seconds = 10 if n <= 3000 else 60 if n <= 10000 else 120
    if not a.gap:
        a = argparse.Namespace(**{**vars(a), "gap": wanted})
    for row in budgets(a, problem):
        cpu, rss, p, said = plan(a, path, row["bytes"])
        lines = improvements(said)
        first = next(x for x in lines if x[1] <= 1.25 * p["objective"])
        first_s = first[0] - lines[0][0]
        proven = next((x[0] for x in lines if x[2] <= a.gap), cpu)
        best = row.get("best")
        ratio = p["objective"] / best if best else float("nan")
        small = row["fraction"] < 0.0499
        bad = (p["gap"] > max(wanted, 0.01 if small else 0) or ratio > 1.001 or
               cpu > seconds or (n <= 10000 and rss > 200) or
               (n <= 2000 and first_s > 0.05))
        missed += bad
        print("%-16s %6d %5.1f %%  gap %.4f %%  cpu %7.2f s, proven %7.2f s  "
              "%4.0f MB  %.6f s  /best %.6f  first %3.0f ms, x %.3f%s" % (
                  name[:16], n, 100 * row["fraction"], 100 * p["gap"], cpu,
                  proven, rss, p["objective"], ratio, 1000 * first_s,
                  first[1] / p["objective"], "  MISSED" * bad), flush=True)
        if a.against:
            behind = others.against(
                lambda lp, rows: timed(
                    [a.autotm, "plan", "--problem", path, "--fast",
                     str(row["bytes"]), "--emit-lp", lp, "--lp-rows", rows,
                     "--planner", "all-slow", "-q"]), proven, a.gap, a.limit)
            missed += behind > 0 and n > 1000
    return missed


def main():
    a = arguments()
    os.sched_setaffinity(0, {a.core})
    a.autotm = str(pathlib.Path(a.autotm).resolve())
    paths = a.problems or [
        str(ROOT / "tests/data/problems" / (n + ".json.gz"))
        for n in PROBLEMS]
    if a.modes:
        sys.exit(modes.table(
            lambda path, budget, *more: plan(a, path, budget, *more),
            tile.load, paths,
            ROOT / "tests/data/problems/evaluate.py") > 0)
    missed = 0
    for path in paths:
        problem = tile.load(path)
        with tempfile.TemporaryDirectory() as d:
            if a.tile:
                problem = tile.tile(problem, a.tile, 1, a.nested)
                path = d + "/tiled.json"
                pathlib.Path(path).write_text(json.dumps(problem))
                a.fast = a.fast or "20,50"
            missed += measure(a, path, problem)
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
