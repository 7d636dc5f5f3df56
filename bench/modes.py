"""modes.py - AutoTM's modes side by side: the table of planner.py --modes.

Each problem is planned for slow:fast ratios of 8:1, 4:1 and 1:1 by
first-touch, static, sync and async; a cell is the share of all-fast speed, in
brackets AutoTM's own where its paper has the network (Fig. 7, measured on
other hardware and other cost tables: of one kind, not of one scale). Moves
beside kernels are modelled by ASYNC. Every plan is recomputed by evaluate.py;
the run fails where a better mode is the slower one.
"""
import importlib.util
import json
import math
import pathlib
import tempfile

RATIOS = ("8:1", "4:1", "1:1")
MODES = ("first-touch", "static", "sync", "async")
ASYNC = {"read_bw": 3e10, "write_bw": 1e10, "mixed_read_bw": 2e10,
         "mixed_write_bw": 7e9, "copy_slowdown": 1.05, "kernel_slowdown": 1.05}
# Hildebrand et al., ASPLOS 2020, Fig. 7: shares of all-DRAM speed under
# first-touch NUMA, static, synchronous, in the order of RATIOS
PUBLISHED = {
    "resnet200": ((.19, .21, .26), (.51, .54, .73), (.71, .73, .81)),
    "mean": ((.21, .23, .31), (.46, .49, .71), (.59, .65, .83)),
}


def judge(path):
    spec = importlib.util.spec_from_file_location("evaluate", path)
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    return m


def all_fast(problem):
    return sum(min(v["t"][0] if isinstance(v["t"], list) else v["t"]["base"]
                   for v in k.get("variants", [k]))
               for k in problem["kernels"])


def cell(share, name, mode, ratio):
    own = PUBLISHED.get(name)
    i = MODES.index(mode)
    return "%.3f %-5s" % (share, "(%.2f)" % own[i][RATIOS.index(ratio)]
                          if own and i < 3 else "")


def one(plan, evaluate, path, mode, ratio):
    """Objective, hidden share, gap and CPU seconds of a plan that holds."""
    d = evaluate.load(path)
    if mode != "async":  # by the rules of the synchronous problem
        d.pop("async")
    cpu, _, answer, _ = plan(path, ratio, "--planner", mode)
    objective, _, _ = evaluate.evaluate(
        evaluate.Problem(d), answer, answer["budget_bytes"], True)
    assert abs(float(objective) - answer["objective"]) < 1e-6
    return float(objective), answer.get("hidden_share"), answer["gap"], cpu


def table(plan, load, paths, evaluate_path):
    """plan(path, budget, *options) -> (CPU, MB, answer, stderr)"""
    evaluate = judge(evaluate_path)
    shares, missed = {}, 0
    print("%-16s %4s  %s  %s" % ("share of all-fast", "", "".join(
        "%-13s" % m for m in MODES), "async: CPU, gap, of sync's moves hidden"))
    for path in paths:
        problem = load(path)
        problem["async"] = ASYNC
        name = problem["name"].split(" ")[0]
        with tempfile.TemporaryDirectory() as d:
            copy = d + "/problem.json"
            pathlib.Path(copy).write_text(json.dumps(problem))
            for ratio in RATIOS:
                got = [one(plan, evaluate, copy, m, ratio)
                       for m in MODES]
                fast = all_fast(problem)
                row = [fast / g[0] for g in got]
                for m, s in zip(MODES, row):
                    shares.setdefault((ratio, m), []).append(s)
                # each within the gap that it was asked for
                bad = not (row[1] <= row[2] * 1.001 and row[2] <= row[3])
                missed += bad
                print("%-16s %4s  %s  %.1f s, %.2f %%, %s%s" % (
                    name, ratio, " ".join(cell(s, name, m, ratio) for m, s
                                          in zip(MODES, row)),
                    got[3][3], 100 * got[3][2],
                    "none moved" if got[3][1] is None
                    else "%.1f %%" % (100 * got[3][1]),
                    "  MISSED" * bad), flush=True)
    for ratio in RATIOS:
        print("%-16s %4s  %s" % ("geometric mean", ratio, " ".join(
            cell(math.exp(sum(map(math.log, shares[ratio, m])) / len(paths)),
                 "mean", m, ratio) for m in MODES)))
    return missed
