#!/usr/bin/env python3
"""Random small problems (random_problem.py): every answer against brute force, evaluate.py and check_bound.py.
usage: check_random.py PLAN_TOOL BRUTE CHECK_BOUND PROBLEMS_DIR FIRST COUNT

Budgets: none, the smallest feasible, some between, the peak. Where addresses cost nothing, planner sync must find the
optimum, and its bound must prove it but for one in a hundred; where they do, the best that has addresses but for one
in four; static likewise among plans without moves, by its second certificate. The baselines are legal and never better than the optimum; async is never worse than sync's plan
under its clock. No bound is above the optimum."""
import json
import math
import os
import subprocess
import sys
import tempfile
from fractions import Fraction

import check_plans
import random_problem

NEAR = 1e-6
BASELINES = ['all-slow', 'all-fast', 'random', 'first-touch', 'lru', 'belady', 'greedy']


def brute(tool, path, budget, answer, still):
    """Optima with and without addresses; None: too large."""
    cutoff = float(answer['objective']) + NEAR if answer else math.inf
    r = subprocess.run([tool, path, str(budget), repr(cutoff)] + ['static'] * still, capture_output=True, text=True)
    if r.returncode not in (0, 3):
        raise RuntimeError('brute: ' + r.stderr)
    return None if r.returncode else tuple(map(float, r.stdout.split()))


class Random:
    def __init__(self, tool, brute_tool, check, directory):
        self.judge = check_plans.Judge(tool, check, directory)
        self.tool, self.brute, self.large, self.compared, self.packed = tool, brute_tool, 0, 0, 0
        self.unproved = self.none = self.missed = 0

    def fault(self, where, what):
        self.judge.faults.append('%s: %s' % (where, what))

    def exact(self, where, planner, path, problem, budget):
        """Objective of the answer, None where there is none."""
        a = check_plans.plan(self.tool, path, planner, budget)
        best = brute(self.brute, path, budget, a, planner == 'static')
        if best is None:
            self.large += 1
        else:
            self.compared += 1
            self.judge_exact(where, planner, a, *best)
        if a is None:
            return None
        row = {'bytes': budget, 'best': a['objective'], 'gap': 0, 'lower_bound': a['lower_bound']}
        return self.judge.answer(where, planner, problem, row, a)

    def judge_exact(self, where, planner, a, packed, unpacked):
        """Where addresses cost nothing the optimum and its proof; else no better than the best that has addresses."""
        free = packed <= unpacked + NEAR
        found, bound = (float(a['objective']), float(a['lower_bound'])) if a else (math.inf, math.inf)
        self.none += a is None
        self.packed += not free
        if found < packed - NEAR or free and found > packed + NEAR:
            self.fault(where, '%g, the optimum is %g' % (found, packed))
        self.missed += found > packed + NEAR
        if a and planner == 'static':           # its own prices, its own rules
            bound = self.still_bound(where, a)
        self.unproved += free and bound < packed - NEAR
        if a and bound > unpacked + 1e-9:
            self.fault(where, 'bound %.12g above the optimum, %.12g' % (bound, unpacked))

    def still_bound(self, where, a):
        c = a.get('static_certificate')
        if c is None:
            return 0
        proven = self.judge.check.tree(self.bounder, c, c, a['budget_bytes'], {})
        if proven is not None and a['static_bound'] > proven:
            self.fault(where, 'a bound of %s, its prices prove %s' % (float(a['static_bound']), float(proven)))
        return float(a['static_bound'])

    def problem(self, seed, directory):
        d = random_problem.problem(seed)
        name = d['name']
        path = os.path.join(directory, 'problem.json')
        with open(path, 'w') as f:
            json.dump(d, f)
        loaded, *problem = self.judge.problem(path)
        self.bounder = self.judge.check.Problem(loaded, still=True)
        r = subprocess.run([self.tool, path, 'least', '0'], capture_output=True, text=True)
        if r.returncode:
            return self.fault(name, r.stderr.strip())
        least, peak = map(int, r.stdout.split())
        if peak != problem[0].peak_bytes():
            self.fault(name, 'peak %d, not %d' % (peak, problem[0].peak_bytes()))
        budgets = {0, max(0, least - 1), least, (3 * least + peak) // 4, (least + peak) // 2, peak}
        for budget in sorted(budgets):
            where = '%s at %d' % (name, budget)
            best = self.exact(where + ' sync', 'sync', path, problem, budget)
            self.exact(where + ' static', 'static', path, problem, budget)
            if best is None:
                continue
            row = {'bytes': budget, 'best': best, 'gap': 0, 'lower_bound': best}
            for planner in BASELINES if seed % 4 == 0 else []:
                a = check_plans.plan(self.tool, path, planner, budget)
                self.judge.answer(where, planner, problem, row, a)
            if 'async' in d:
                check_plans.asynchronous(self.judge, path, lambda _: [{'bytes': budget, 'best': None}], name)


def main(argv):
    if len(argv) != 7:
        sys.exit(__doc__)
    sys.setrecursionlimit(100000)
    run = Random(*argv[1:5])
    first, count = int(argv[5]), int(argv[6])
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(first, first + count):
            try:
                run.problem(seed, directory)
            except Exception as e:      # which problem it was must be known
                run.fault('random %d' % seed, '%s: %s' % (type(e).__name__, e))
    print('%d answers of %d problems; %d compared with brute force (%d have no plan; in %d addresses cost something, %d of '
          'them are not the best), %d optima not proved, %d too large for it'
          % (run.judge.runs, count, run.compared, run.none, run.packed, run.missed, run.unproved, run.large))
    print('%d faults' % len(run.judge.faults))
    for fault in run.judge.faults[:40]:
        print(fault)
    sys.exit(bool(run.judge.faults) or run.large * 20 > run.compared or run.missed * 4 > run.packed + 8 or
             run.unproved * 100 > run.compared)


if __name__ == '__main__':
    main(sys.argv)
