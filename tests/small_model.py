"""small_model.py FILE: a residual network of a few kernels and kibibytes, for a
machine where everything takes fifty times as long."""

import os
import random
import struct
import sys

sys.path.insert(0, os.path.dirname(__file__) or '.')
from hostile_wire import *

rng = random.Random(1)


def weights(name, *dims):
    n = 1
    for d in dims:
        n *= d
    return tensor(name, FLOAT, dims, struct.pack(
        '<%df' % n, *(rng.gauss(0, 0.1) for _ in range(n))))


def conv(x, w, y):
    return node('Conv', [x, w], [y], attr('kernel_shape', [3, 3]),
                attr('pads', [1, 1, 1, 1]))


nodes = [conv('x', 'w1', 'a'), node('Relu', ['a'], ['b']),
         conv('b', 'w2', 'c'), node('Add', ['b', 'c'], ['d']),
         node('GlobalAveragePool', ['d'], ['g']), node('Flatten', ['g'], ['h']),
         node('MatMul', ['h', 'w3'], ['y'])]
inits = [weights('w%d' % i, 16, 16, 3, 3) for i in (1, 2)]
inits.append(weights('w3', 16, 10))
with open(sys.argv[1], 'wb') as f:
    f.write(model(graph(nodes, inits, [info('x', (1, 16, 12, 12))])))
