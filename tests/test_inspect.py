"""test_inspect.py AUTOTM - what `inspect` lists, at once; and the layout of a
download cache, in which model and data are links into a folder of blobs."""

import json
import os
import resource
import subprocess
import sys
import tempfile

from hostile_wire import *

AUTOTM = os.path.abspath(sys.argv[1])
LIMIT = float(sys.argv[2])  # seconds for a thousand nodes


def inspect(path, *more):
    p = subprocess.run([AUTOTM, 'inspect', path, *more], capture_output=True,
                       text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def thousand_nodes(path):
    nodes, inits = [], []
    for i in range(250):
        inits += [floats('w%d' % i, [16, 16], 0.1), floats('b%d' % i, [16])]
        nodes += [node('MatMul', ['x%d' % i, 'w%d' % i], ['m%d' % i]),
                  node('Add', ['m%d' % i, 'b%d' % i], ['a%d' % i]),
                  node('Relu', ['a%d' % i], ['r%d' % i]),
                  node('Tanh', ['r%d' % i], ['x%d' % (i + 1)])]
    with open(path, 'wb') as f:
        f.write(model(graph(nodes, inits, [info('x0', ('N', 16))],
                            [info('x250', None)])))


def seconds_of(*args):
    """Least processor time of five runs."""
    least = float('inf')
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        code, out, err = inspect(*args)
        assert code == 0, err
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime + after.ru_stime -
                    before.ru_utime - before.ru_stime)
    return least, out


def cache_layout(folder):
    """snapshots/REV/{m.onnx,w.bin} -> ../../blobs/HASH, as hubs lay it out."""
    blobs, rev = folder + '/blobs', folder + '/snapshots/rev'
    os.makedirs(blobs)
    os.makedirs(rev)
    with open(blobs + '/aa', 'wb') as f:
        f.write(model(graph([node('Add', ['x', 'w'], ['y'])],
                            [external('w', [4], [('location', 'w.bin')])])))
    with open(blobs + '/bb', 'wb') as f:
        f.write(bytes(16))
    os.symlink('../../blobs/aa', rev + '/m.onnx')
    os.symlink('../../blobs/bb', rev + '/w.bin')
    code, out, err = inspect(rev + '/m.onnx')
    assert code == 0 and 'Add' in out, err
    os.unlink(rev + '/w.bin')  # the same layout, but the data lie elsewhere
    os.symlink('../../other', rev + '/w.bin')
    os.rename(blobs + '/bb', folder + '/other')
    code, out, err = inspect(rev + '/m.onnx')
    assert code == 3 and 'leads out' in err, (code, err)


with tempfile.TemporaryDirectory() as folder:
    path = folder + '/m.onnx'
    thousand_nodes(path)
    code, out, err = inspect(path)  # N is open: said, with the flag
    assert code == 0 and '--dim N=' in out, (code, out, err)
    seconds, out = seconds_of(path, '--dim', 'N=4')
    for word in ('opset', 'MatMul', 'peak', 'smallest --fast', 'weights'):
        assert word in out, (word, out)
    code, out, err = inspect(path, '--dim', 'N=4', '--format', 'json')
    j = json.loads(out)
    assert {o['name']: o['count'] for o in j['operators']} == {
        'MatMul': 250, 'Add': 250, 'Relu': 250, 'Tanh': 250}, out[:2000]
    assert all(o['supported'] for o in j['operators'])
    print('inspect of 1,000 nodes: %.0f ms of processor time' %
          (1000 * seconds))
    assert seconds < LIMIT, seconds
    cache_layout(folder)
