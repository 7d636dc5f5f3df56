#!/usr/bin/env python3
"""pack_sets.py - sets of buffers to pack, made from a seed.

    bench/pack_sets.py FAMILY BUFFERS SEED OUT.csv

Rows of id,lower,upper,size. The families:

    planted   a full rectangle, cut to pieces: the bound is the optimum
    sparse    the same with a part taken out, full at a few moments only
    chain     each buffer lives for a few steps, some skip far ahead
    nested    forward and backward: the first made is the last freed
    tower     steps with many buffers at once, joined by long-lived ones
    alive     all live at one moment, and short ones before and after
    powers    lives at random, sizes are powers of two
    random    lives and sizes at random
    network   very many short lives and a few thousand long ones
"""
import random
import sys

UNIT = 1024
HEIGHT = 1024 * UNIT
GUILLOTINE = 0.6  # of the cuts; the others leave a pinwheel of five


def cut(rng, piece):
    """The parts of a piece (begin, end, low, high); empty: too small."""
    a, b, lo, hi = piece
    if b - a >= 3 and hi - lo >= 3 and rng.random() > GUILLOTINE:
        t0, t1 = sorted(rng.sample(range(a + 1, b), 2))
        h0, h1 = sorted(rng.sample(range(lo + 1, hi), 2))
        return [(a, t1, lo, h0), (t1, b, lo, h1), (t0, b, h1, hi),
                (a, t0, h0, hi), (t0, t1, h0, h1)]
    if b - a > 1 and (rng.random() < 0.5 or hi - lo == 1):
        t = rng.randrange(a + 1, b)
        return [(a, t, lo, hi), (t, b, lo, hi)]
    if hi - lo > 1:
        h = rng.randrange(lo + 1, hi)
        return [(a, b, lo, h), (a, b, h, hi)]
    return []


def pieces(rng, n):
    """A rectangle of HEIGHT and n steps, cut to about n pieces."""
    done, todo = [], [(0, max(n, 4), 0, HEIGHT // UNIT)]
    while todo and len(done) + len(todo) < n:
        big = max(rng.sample(range(len(todo)), min(4, len(todo))),
                  key=lambda i: (todo[i][1] - todo[i][0])
                  * (todo[i][3] - todo[i][2]))
        piece = todo.pop(big)
        parts = cut(rng, piece)
        if not parts:
            done.append(piece)
        todo += parts
    return done + todo


def planted(rng, n, kept=1.0):
    rows = pieces(rng, int(n / kept))
    full = set(rng.sample(range(max(n, 4)), 3))
    return [(a, b, (hi - lo) * UNIT) for a, b, lo, hi in rows
            if rng.random() < kept or any(a <= t < b for t in full)]


def sizes(rng):
    return max(1, int(rng.lognormvariate(11, 2)))


def chain(rng, n):
    return [(t, t + (rng.randint(2, 4) if rng.random() < 0.85
                     else rng.randint(5, 60)), sizes(rng)) for t in range(n)]


def nested(rng, n):
    half = n // 2
    return ([(t, 2 * half - t + rng.randint(0, 2), sizes(rng))
             for t in range(half)] +
            [(t, t + rng.randint(1, 4), sizes(rng))
             for t in (rng.randrange(2 * half) for _ in range(n - half))])


def tower(rng, n):
    rows, t = [], 0
    while len(rows) < n:
        for _ in range(rng.randint(10, 60)):
            begin = t + rng.randint(0, 3)
            end = begin + (rng.randint(40, 200) if rng.random() < 0.1
                           else rng.randint(1, 8))
            rows.append((begin, end, sizes(rng)))
        t += rng.randint(3, 9)
    return rows[:n]


def alive(rng, n):
    steps = 2 * n
    rows = [(rng.randrange(n), rng.randint(n + 1, steps), sizes(rng))
            for _ in range(n // 3)]
    while len(rows) < n:
        begin = rng.randrange(steps)
        if begin < n < begin + 40:
            continue
        rows.append((begin, begin + rng.randint(1, 39), 2 * sizes(rng)))
    return rows


def spread(rng, n, size):
    rows = []
    for _ in range(n):
        begin = rng.randrange(n)
        rows.append((begin, begin + 1 + int(rng.expovariate(8 / n)), size()))
    return rows


def powers(rng, n):
    return spread(rng, n, lambda: 1 << rng.randint(6, 22))


def at_random(rng, n):
    return spread(rng, n, lambda: rng.randint(1, HEIGHT))


def network(rng, n):
    kinds = [max(1, int(rng.lognormvariate(9, 3))) for _ in range(100)]
    rows, long = [], n // 10
    for i in range(n):
        size = rng.choice(kinds)
        begin = rng.randrange(n)
        if i < long:
            end = begin + rng.randint(n // 100 + 1, n // 4 + 1)
        else:
            end = begin + rng.choice((2, 4, 4, 4, 5, 7, 26))
        rows.append((begin, end, size))
    return rows


FAMILIES = {"planted": planted,
            "sparse": lambda rng, n: planted(rng, n, 0.85),
            "chain": chain, "nested": nested, "tower": tower, "alive": alive,
            "powers": powers, "random": at_random, "network": network}


def make(family, n, seed):
    return FAMILIES[family](random.Random("%s %d %d" % (family, n, seed)), n)


def write(path, rows):
    with open(path, "w") as f:
        f.write("id,lower,upper,size\n")
        for i, row in enumerate(rows):
            f.write("%d,%d,%d,%d\n" % (i, *row))


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in FAMILIES:
        sys.exit(__doc__)
    write(sys.argv[4], make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
