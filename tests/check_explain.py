#!/usr/bin/env python3
"""Judge `autotm explain` by enumeration: every way to place one tensor, each evaluated from the rules alone.
usage: check_explain.py AUTOTM DIRECTORY_OF_PROBLEMS NAME..."""
import importlib.util
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

ANY = 1 << 60


def ask(*command):
    out = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    return out.stdout


def ways(tensor):
    """Stations and gaps of all ways that are not resident."""
    m, g = len(tensor['fast_at_use']), len(tensor['kept_after_use'])
    for x in itertools.product((0, 1), repeat=m):
        for y in itertools.product((0, 1), repeat=g):
            yield list(x), list(y)


def cost(judge, P, s, answer, entry, budget):
    """Least over the variants of the kernels that use the tensor."""
    tensors, found = list(answer['tensors']), []
    tensors[s.tensors[0].id] = entry
    stations = sorted(set(s.st))
    for choice in itertools.product(*(range(len(P.K[k].variants)) for k in stations)):
        variants = list(answer['variants'])
        for k, v in zip(stations, choice):
            variants[k] = v
        try:
            found.append(float(judge.evaluate(P, {'tensors': tensors, 'variants': variants}, budget)[0]))
        except judge.Bad:
            pass
    return best(found)


def best(values):
    values = [v for v in values if v is not None]
    return min(values) if values else None


def check(judge, autotm, path, budget, answer_file):
    answer = json.loads(ask(autotm, 'plan', '--problem', path, '--fast', str(budget), '--format', 'json', '-f', '-o', answer_file))
    P = judge.Problem({k: v for k, v in judge.load(path).items() if k != 'async'})
    pairs = any(k.get('inplace') for k in json.loads(pathlib.Path(path).read_text())['kernels'])
    count = 0
    for s in P.S:
        if len(s.tensors) > 1 or not s.st:
            continue
        t = s.tensors[0].id
        told = {c['choice']: c for c in json.loads(ask(autotm, 'explain', answer_file, 't%d' % t, '--problem', path, '--format', 'json'))['choices']}
        assert abs(told['as planned']['seconds'] - answer['objective']) <= 1e-9 * max(1, answer['objective']), (path, t)
        entries = [{'resident': 0, 'fast_at_use': x, 'kept_after_use': y} for x, y in ways(answer['tensors'][t])]
        resident = [{**answer['tensors'][t], 'resident': 1, 'fast_at_use': [], 'kept_after_use': []}] if s.arg else []

        def least(some, limit):
            return best(cost(judge, P, s, answer, e, limit) for e in some)

        # kept all round is resident
        gone = [e for e in entries if len(e['kept_after_use']) and all(e['kept_after_use'])] if s.circle else []
        want = {
            'slow at every use': least([e for e in entries if not any(e['fast_at_use'])], ANY),
            'fast at every use': least([e for e in entries if all(e['fast_at_use']) and e not in gone], ANY),
            'resident': least(resident, ANY),
        }
        if not pairs:
            want['best that fits'] = least(entries + resident, budget)
        for name, value in want.items():
            got = told[name]['seconds']
            same = got is None and value is None or None not in (got, value) and abs(got - value) <= 1e-9 * max(1, value)
            assert same, '%s at %d, tensor %d, %s: %r, by enumeration %r' % (path, budget, t, name, got, value)
            count += 1
    return count


def main(argv):
    autotm, folder = argv[1], pathlib.Path(argv[2])
    spec = importlib.util.spec_from_file_location('evaluate', folder.parent / 'evaluate.py')
    judge = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    count = 0
    with tempfile.TemporaryDirectory() as d:
        for name in argv[3:]:
            path = str(folder / (name + '.json'))
            rows = [b for b in json.loads(pathlib.Path(path).read_text())['budgets'] if b.get('best') is not None]
            for row in rows[:3]:
                count += check(judge, autotm, path, row['bytes'], d + '/answer.json')
    print('%d choices equal enumeration' % count)


if __name__ == '__main__':
    main(sys.argv)
