"""big_weights.py make DIR: a chain of matrices as model.onnx, their 24 MiB as
external data in weights.bin, all but one at whole blocks, and an input x.raw.
big_weights.py check DIR OUT.npy: that output against a sum by hand."""

import os
import random
import struct
import sys
from array import array
from operator import mul

sys.path.insert(0, os.path.dirname(__file__) or '.')
from hostile_wire import *

N, LAYERS, ODD = 1024, 6, 3
folder = sys.argv[2]


def place(i):
    """Byte offset of a matrix: the ODD one lies between blocks."""
    return i * (N * N * 4 + 8192) + (64 if i == ODD else 0)


def transposed(i):
    return i % 2 == 1


def make():
    rng = random.Random(1)
    with open(folder + '/weights.bin', 'wb') as f:
        for i in range(LAYERS):
            row = [rng.gauss(0, 0.06) for _ in range(2 * N)]
            f.seek(place(i))
            for r in range(N):  # rows that differ: a window over random numbers
                at = rng.randrange(N)
                f.write(array('f', row[at:at + N]).tobytes())
        f.truncate(place(LAYERS))
    nodes, inits, x = [], [], 'x'
    for i in range(LAYERS):
        w, y = 'w%d' % i, 'y' if i == LAYERS - 1 else 'h%d' % i
        nodes.append(node('Gemm', [x, w], [y], attr('transB', 1))
                     if transposed(i) else node('MatMul', [x, w], [y]))
        inits.append(external(w, [N, N], [('location', 'weights.bin'),
                                          ('offset', str(place(i))),
                                          ('length', str(N * N * 4))]))
        x = y
    with open(folder + '/model.onnx', 'wb') as f:
        f.write(model(graph(nodes, inits, [info('x', (1, N))])))
    with open(folder + '/x.raw', 'wb') as f:
        f.write(array('f', [rng.gauss(0, 1) for _ in range(N)]).tobytes())


def check():
    x = array('f', open(folder + '/x.raw', 'rb').read())
    with open(folder + '/weights.bin', 'rb') as f:
        for i in range(LAYERS):
            f.seek(place(i))
            w = array('f', f.read(N * N * 4))
            x = [sum(map(mul, x, w[j * N:(j + 1) * N] if transposed(i)
                         else w[j::N])) for j in range(N)]
    y = array('f', open(sys.argv[3], 'rb').read()[-4 * N:])
    worst = max(abs(a - b) for a, b in zip(x, y))
    if worst > 1e-4 * max(map(abs, x)):
        sys.exit('%g away from the sum by hand' % worst)


make() if sys.argv[1] == 'make' else check()
