#!/usr/bin/env python3
"""Plans the problem files and judges each answer by evaluate.py (rules, addresses) and check_bound.py (bound).
usage: check_plans.py PLANNER_TOOL CHECK_BOUND PROBLEMS_DIR tiny|large|tiny-async [PLANNER...]

PLANNER_TOOL PROBLEM PLANNER BYTES prints the answer. For every budget of every file: the answer is legal, its
objective, peaks and addresses are as it says, its bound is at most what its own certificate proves, nothing is
below the best objective known, and no bound is above it. Tiny problems must be solved to the optimum by sync.
`tiny-async` does the same for planner async, every problem given a key `async` where it has none, beside sync's plan."""
import glob
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path


def module(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    return m


def plan(tool, problem, planner, budget):
    """The answer, or None where no plan fits; 'unknown' for a planner that is not there."""
    r = subprocess.run([tool, problem, planner, str(budget)], capture_output=True, text=True)
    if r.returncode == 5:
        return None
    if r.returncode == 2:
        return 'unknown'
    if r.returncode:
        raise RuntimeError('exit %d: %s' % (r.returncode, r.stderr.strip()))
    return json.loads(r.stdout, parse_float=Fraction)


class Judge:
    def __init__(self, tool, check_bound, directory):
        self.tool, self.check = tool, module(check_bound)
        self.evaluate = module(os.path.join(directory, 'evaluate.py'))
        self.faults, self.runs = [], 0

    def problem(self, path, keep=False):
        d = self.evaluate.load(path)
        if not keep:
            d.pop('async', None)            # all planners but async answer as if it were absent
        return d, self.evaluate.Problem(d), self.check.Problem(d)

    def answer(self, name, planner, problem, row, a):
        evaluator, bounder = problem
        self.runs += 1
        where = '%s %s %d' % (name, planner, row['bytes'])
        best = row['best']
        if row.get('x_best_packed') is not None:
            best = row['x_best_packed']
        if a is None:
            if best is not None and planner == 'sync':
                self.faults.append('%s: no plan, best is %s' % (where, float(best)))
            return None
        try:
            objective, fast, slow = self.evaluate.evaluate(evaluator, a, a['budget_bytes'], True)
        except self.evaluate.Bad as e:
            self.faults.append('%s: %s' % (where, e))
            return None
        slack = Fraction(1, 10**9) * (1 + objective)
        if abs(objective - a['objective']) > slack:
            self.faults.append('%s: objective %s, says %s' % (where, float(objective), float(a['objective'])))
        if fast != a['packing']['live_peak'] or slow > a['slow_peak_bytes']:
            self.faults.append('%s: peaks %d %d, says %d %d' % (where, fast, slow, a['packing']['live_peak'], a['slow_peak_bytes']))
        if planner == 'all-fast' and a['budget_bytes'] > row['bytes']:
            return objective                # its own budget
        if best is None:
            self.faults.append('%s: a plan where there is none' % where)
        elif objective < best - slack and (row['gap'] in (0, None) or objective < row['lower_bound'] - slack):
            self.faults.append('%s: %s is below the best, %s' % (where, float(objective), float(best)))
        self.bound(where, planner, bounder, row, a, best, slack)
        return objective

    def bound(self, where, planner, bounder, row, a, best, slack):
        c = a['certificate']
        proven = self.check.tree(bounder, c, c, a['budget_bytes'], {})
        stated = a['lower_bound']
        if proven is not None and stated > proven:
            self.faults.append('%s: says a bound of %s, its prices prove %s' % (where, float(stated), float(proven)))
        if best is not None and stated > best + slack:
            self.faults.append('%s: its bound %s is above the best, %s' % (where, float(stated), float(best)))


def large(judge, directory, planners):
    for path in sorted(glob.glob(os.path.join(directory, '*.json.gz'))):
        d, *problem = judge.problem(path)
        name = Path(path).name.split('.')[0]
        for row in d['budgets']:
            for planner in planners:
                a = plan(judge.tool, path, planner, row['bytes'])
                if a == 'unknown':
                    continue
                o = judge.answer(name, planner, problem, row, a)
                if o is None or planner != 'sync':
                    continue
                print('%-10s %5.1f %%  %.6f s, bound %.6f, gap %.4f %%; best known %.6f, gap %.4f %%' % (
                    name, 100 * float(row['fraction']), float(o), float(a['lower_bound']), 100 * float(a['gap']), float(row['best']),
                    100 * float(row['gap'])), flush=True)
                if a['gap'] > Fraction(1, 100):
                    judge.faults.append('%s %s %d: a gap of %.3f %%' % (name, planner, row['bytes'], 100 * float(a['gap'])))


def tiny(judge, directory, planners):
    solved = total = certified = 0
    for path in sorted(glob.glob(os.path.join(directory, 'tiny', '*.json'))):
        name = Path(path).name
        try:
            d, *problem = judge.problem(path)
        except judge.evaluate.Bad:
            continue                        # makes sense with its key `async` only
        is_async = 'async' in judge.evaluate.load(path)
        for row in d['budgets']:
            if is_async:                    # listed optima are of asynchronous plans
                row = dict(row, best=Fraction(10**9) if row['best'] is not None else None, gap=Fraction(1), lower_bound=Fraction(0))
            for planner in planners:
                a = plan(judge.tool, path, planner, row['bytes'])
                if a == 'unknown':
                    continue
                o = judge.answer(name, planner, problem, row, a)
                if o is None or planner != 'sync' or is_async:
                    continue
                best = row['x_best_packed'] if row.get('x_best_packed') is not None else row['best']
                total += 1
                solved += o <= best + Fraction(1, 10**6)
                certified += a['lower_bound'] >= best - Fraction(1, 10**6)
                if o > best + Fraction(1, 10**6):
                    judge.faults.append('%s sync %d: %s, the optimum is %s' % (name, row['bytes'], float(o), float(best)))
    if total:
        print('sync: %d of %d budgets at the optimum, %d with a bound that proves it' % (solved, total, certified))


def replay(evaluate, P, a):
    """The answer of planner sync under the event clock: each move between two kernels."""
    variant, decisions = evaluate.decisions(P, a)
    moves = []
    for s, (resident, x, y) in zip(P.S, decisions):
        for first, last, fetched, evicted, _ in evaluate.walk(P, s, resident, x, y, variant).runs:
            t = s.tensors[0].id
            if fetched:
                moves.append({'tensor': t, 'from': 'slow', 'to': 'fast', 'start_after': first - 1, 'wait_before': first})
            if evicted:
                moves.append({'tensor': t, 'from': 'fast', 'to': 'slow', 'start_after': last, 'wait_before': last + 1})
    return dict(a, moves=moves)


def asynchronous(judge, path, budgets, name):
    """Answers of planner async: legal, as it says, with a bound that its prices prove, never worse than sync's plan."""
    d, evaluator, bounder = judge.problem(path, keep=True)
    gained = 0
    for row in budgets(d):
        where = '%s async %d' % (name, row['bytes'])
        a, sync = plan(judge.tool, path, 'async', row['bytes']), plan(judge.tool, path, 'sync', row['bytes'])
        if (a is None) != (sync is None):
            judge.faults.append('%s: async and sync do not agree that there is a plan' % where)
        if a is None or sync is None:
            continue
        judge.runs += 1
        try:
            objective, fast, slow = judge.evaluate.evaluate(evaluator, a, row['bytes'], True)
            del sync['residences']
            before, _, _ = judge.evaluate.evaluate(evaluator, replay(judge.evaluate, evaluator, sync), row['bytes'])
        except judge.evaluate.Bad as e:
            judge.faults.append('%s: %s' % (where, e))
            continue
        slack = Fraction(1, 10**9) * (1 + objective)
        if abs(objective - a['objective']) > slack:
            judge.faults.append('%s: objective %s, says %s' % (where, float(objective), float(a['objective'])))
        if fast != a['packing']['live_peak'] or slow > a['slow_peak_bytes']:
            judge.faults.append('%s: peaks %d %d, says %d %d' % (where, fast, slow, a['packing']['live_peak'], a['slow_peak_bytes']))
        if objective > before + slack:
            judge.faults.append('%s: %s, sync\'s plan takes %s' % (where, float(objective), float(before)))
        judge.bound(where, 'async', bounder, row, a, row.get('best'), slack)
        gained += objective < before - slack
    return gained


def made_asynchronous(path, directory):
    """A copy of the problem with a key `async`; what `evaluate.py` cannot read stays out."""
    with open(path) as f:
        d = json.load(f)
    if 'async' not in d:
        d['async'] = {'read_bw': d['read_bw'], 'write_bw': d['write_bw'], 'mixed_read_bw': d['read_bw'] * 0.7,
                      'mixed_write_bw': d['write_bw'] * 0.6, 'copy_slowdown': 1.05, 'kernel_slowdown': 1.1}
        for row in d['budgets']:
            row['best'] = None              # of synchronous plans
            row.pop('x_best_packed', None)
    to = os.path.join(directory, Path(path).name)
    with open(to, 'w') as f:
        json.dump(d, f)
    return to


def tiny_async(judge, directory):
    gained, before = 0, judge.runs
    with tempfile.TemporaryDirectory() as temp:
        for path in sorted(glob.glob(os.path.join(directory, 'tiny', '*.json'))):
            gained += asynchronous(judge, made_asynchronous(path, temp), lambda d: d['budgets'], Path(path).name)
    print('async: %d answers, %d faster than sync\'s plan under the same clock' % (judge.runs - before, gained))
    if gained < 30:
        judge.faults.append('async: almost nothing is hidden')


def main(argv):
    if len(argv) < 5 or argv[4] not in ('tiny', 'large', 'tiny-async'):
        sys.exit(__doc__)
    sys.setrecursionlimit(100000)
    judge = Judge(argv[1], argv[2], argv[3])
    planners = argv[5:] or ['sync', 'static', 'all-slow', 'all-fast', 'random',
                            'first-touch', 'lru', 'belady', 'greedy']
    if argv[4] == 'tiny-async':
        tiny_async(judge, argv[3])
    else:
        (tiny if argv[4] == 'tiny' else large)(judge, argv[3], planners)
    print('%d answers, %d faults' % (judge.runs, len(judge.faults)))
    for fault in judge.faults:
        print(fault)
    sys.exit(bool(judge.faults))


if __name__ == '__main__':
    main(sys.argv)
