"""Damaged plans, profile stores and tensor files."""

import copy
import json
import os
import random
import shutil
import sqlite3
import struct
import sys

from hostile_wire import *


def network():
    """x -> MatMul -> Add -> Relu -> MatMul -> y: weights that may be moved."""
    rng = random.Random(7)

    def weight(name, dims):
        n = dims[0] * (dims[1] if len(dims) > 1 else 1)
        return tensor(name, FLOAT, dims,
                      struct.pack('<%df' % n,
                                  *[rng.uniform(-.1, .1) for _ in range(n)]))
    return model(graph(
        [node('MatMul', ['x', 'v'], ['a'], name='m1'),
         node('Add', ['a', 'b'], ['c'], name='m2'),
         node('Relu', ['c'], ['d'], name='m3'),
         node('MatMul', ['d', 'w'], ['y'], name='m4')],
        [weight('v', [32, 64]), weight('b', [64]), weight('w', [64, 16])],
        [info('x', (4, 32))], [info('y', None)]))


def must(result, what):
    if result[0] != 0:
        sys.exit('%s: exit %d: %s' % (what, result[0], result[1]))


def first_run(b, folder):
    """Makes the model, its plan, its outputs and a store that knows the
    machine, so that no case measures the machine's memory."""
    with open(folder + '/net.onnx', 'wb') as f:
        f.write(network())
    store = folder + '/good.db'
    common = ['net.onnx', '-q', '--threads', '1', '--store', store]
    must(b.start(['plan', '--fast', '60%', '-o', 'plan.json'] + common, folder),
         'plan')
    must(run(b, folder, 'plan.json', store, 'right'), 'run')
    return store


def run(b, folder, plan, store, out):
    return b.start(['run', 'net.onnx', '-q', '-f', '-n', '1', '--warmup', '0',
                    '--threads', '1', '--store', store, '--plan', plan,
                    '--output-dir', out], folder)


# ---- plans ----

def edited(plan, path, value):
    """A copy of the plan with one value changed (or removed: Ellipsis)."""
    p = copy.deepcopy(plan)
    at = p
    for key in path[:-1]:
        at = at[key]
    if value is Ellipsis:
        del at[path[-1]]
    else:
        at[path[-1]] = value(at[path[-1]]) if callable(value) else value
    return p


def named_plans(plan):
    """(name, exit codes, value or text) of each way to be wrong by hand."""
    res = plan['residences']
    steps = plan['steps']
    slow = next(i for i, r in enumerate(res) if r['tier'] == 1)
    fast = next(i for i, r in enumerate(res) if r['tier'] == 0
                and r.get('tensor') is not None)
    big = 1 << 53
    def at(*path):
        return lambda v: edited(plan, path, v)
    yield 'schema version 2', 3, at('schema_version')(2)
    yield 'another format', 3, at('format')('something')
    yield 'another model', 6, at('model_hash')('0' * 32)
    yield 'another program', 6, at('program_hash')('0' * 32)
    yield 'another profile', 0, at('profile_hash')('0' * 32)
    yield 'other tiers', 0, at('tiers_hash')('0' * 32)
    yield 'hash is no hash', 3, at('model_hash')('x' * 32)
    yield 'unknown key', 3, dict(plan, colour='red')
    yield 'threads 0', (3, 6), at('threads')(0)
    yield 'threads 10^9', (3, 6), at('threads')(10 ** 9)
    yield 'one tier', 3, at('tiers')(lambda t: t[:1])
    yield 'five tiers', 3, at('tiers')(lambda t: t * 3)
    yield 'tier of an unknown kind', (3, 2, 6), at('tiers', 1, 'spec')('nonsense')
    yield 'tier of another kind', 0, at('tiers', 1, 'spec')('dram')
    yield 'pool too small', 3, at('tiers', 0, 'pool_bytes')(64)
    yield 'slow pool too small', 3, at('tiers', 1, 'pool_bytes')(64)
    yield 'pool of 2^52', (3, 8), at('tiers', 0, 'pool_bytes')(1 << 52)
    yield 'slow pool of 2^52', (0, 3, 8), at('tiers', 1, 'pool_bytes')(1 << 52)
    yield 'tensor unknown', 3, at('residences', fast, 'tensor')(999)
    yield 'tensor missing', 3, at('tensors')(lambda t: t[:-1])
    yield 'tensor of other bytes', (3, 6), at('tensors', 1, 'bytes')(64)
    yield 'kernel missing', 3, at('kernels')(lambda k: k[:-1])
    yield 'residence missing', 3, at('residences')(lambda r: r[1:])
    yield 'offset beyond the pool', 3, at('residences', fast, 'offset')(1 << 40)
    yield 'offset wraps', 3, at('residences', fast, 'offset')((1 << 63) - 64)
    yield 'offset misaligned', 3, at('residences', fast, 'offset')(
        lambda v: v + 4)
    yield 'offset negative', 3, at('residences', fast, 'offset')(-64)
    yield 'offset 2^53 + 1', 3, at('residences', fast, 'offset')(big + 1)
    yield 'offset 10^400', 3, json.dumps(plan).replace(
        '"offset": %d' % res[fast]['offset'], '"offset": 1' + '0' * 400, 1)
    yield 'offset is a real', 3, at('residences', fast, 'offset')(64.5)
    other = next(i for i, r in enumerate(res) if i != slow and r['tier'] == 1)
    yield 'two tensors in one place', 3, at('residences', other, 'offset')(
        res[slow]['offset'])
    yield 'tier 7', 3, at('residences', fast, 'tier')(7)
    yield 'in the wrong tier', 3, at('residences', slow, 'tier')(0)
    yield 'ends before its use', 3, at('residences', fast, 'last_step')(0)
    yield 'begins after its use', 3, at('residences', fast, 'first_step')(
        len(steps) - 1)
    yield 'step beyond the end', 3, at('residences', fast, 'last_step')(10 ** 6)
    yield 'no steps', 3, at('steps')([])
    yield 'step missing', 3, at('steps')(lambda s: s[:-1])
    yield 'step twice', 3, at('steps')(lambda s: s + s[-1:])
    yield 'steps change places', 3, at('steps')(
        lambda s: s[:1] + s[2:3] + s[1:2] + s[3:])
    yield 'step of an unknown kind', 3, at('steps', 1, 'do')('jump')
    yield 'step of an unknown kernel', 3, at('steps', 1, 'kernel')(999)
    yield 'step of -1 s', 3, at('steps', 1, 'seconds')(-1.0)
    yield 'prologue missing', 3, at('prologue')([])
    yield 'prologue unknown', 3, at('prologue', 0)(999)
    yield 'prologue twice', 3, at('prologue')(lambda p: p + p[:1])
    yield 'peak 0', (0, 3, 6), at('peak_bytes')(0)
    yield 'budget below the pool', 3, at('budget_bytes')(1)
    yield 'bound above the plan', 3, at('lower_bound_seconds')(1e9)
    yield 'gap of 2', 3, at('gap')(2.0)
    yield 'certificate unknown tensor', 3, at('certificate', 'operand')(
        [[999, 0, 1.0]])
    yield 'status nonsense', 3, at('status')('best')
    moves = [i for i, s in enumerate(steps) if s['do'] != 'run']
    if moves:
        m = moves[0]
        yield 'move to itself', 3, at('steps', m, 'to')(steps[m]['from'])
        yield 'move from nowhere', 3, at('steps', m, 'from')(999)
        yield 'use before the move', 3, at('steps')(
            lambda s: s[:m] + s[m + 1:m + 2] + s[m:m + 1] + s[m + 2:])
    text = json.dumps(plan)
    yield 'empty', 3, ''
    yield 'no JSON', 3, 'plan'
    yield 'an array', 3, '[]'
    yield 'cut', 3, text[:len(text) // 2]
    yield 'text behind it', 3, text + '}'
    yield 'duplicate key', 3, text[:1] + '"format": "autotm-schedule", ' + text[1:]
    yield '2,049 deep', 3, text[:1] + '"x": ' + '[' * 2049 + ']' * 2049 + ',' + \
        text[1:]
    yield '1,000,000 deep', 3, '[' * 1000000
    yield 'NaN', 3, text.replace('"gap": ', '"gap": NaN, "q": ', 1)
    yield 'no UTF-8', 3, text.encode()[:20] + b'\xff\xfe' + text.encode()[20:]
    yield 'NUL', 3, text[:20] + '\0' + text[20:]
    yield 'name with an escape sequence', (0, 3, 6), at('tensors', 1, 'name')(
        '\x1b[2J')
    yield '20 MB of blanks', (0, 3), ' ' * 20000000 + text
    yield '200000 residences', 3, at('residences')(
        lambda r: r * (200000 // len(r)))


def leaves(value, path=()):
    """Paths of all values; of arrays of more than three the ends."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], path + (key,))
    elif isinstance(value, list):
        n = len(value)
        for i in range(n) if n <= 3 else (0, 1, n - 1):
            yield from leaves(value[i], path + (i,))


def outputs(folder, name):
    at = os.path.join(folder, name)
    return {f: open(os.path.join(at, f), 'rb').read()
            for f in sorted(os.listdir(at))}


def plans(b, folder, store):
    with open(folder + '/plan.json', encoding='utf-8') as f:
        plan = json.load(f)
    right = outputs(folder, 'right')

    def try_one(group, name, codes, value):
        if not isinstance(value, (str, bytes)):
            value = json.dumps(value)
        if isinstance(value, str):
            value = value.encode('utf-8', 'surrogatepass')
        with open(folder + '/bad.json', 'wb') as f:
            f.write(value)
        shutil.rmtree(folder + '/out', ignore_errors=True)
        result = run(b, folder, 'bad.json', store, 'out')
        why = None
        if result[0] == 0 and outputs(folder, 'out') != right:
            why = 'accepted, and the outputs differ'
        b.judge(group, name, codes if isinstance(codes, tuple) else (codes,),
                result, why)
    for name, codes, value in named_plans(plan):
        try_one('plan', name, codes, value)
    # every field: gone, or of another value; what is taken must run right
    for path in leaves(plan):
        for to in (Ellipsis, None, -1, 1 << 53, ''):
            if to is Ellipsis and isinstance(path[-1], int):
                continue
            try_one('plan: any field', '%s = %s' % (path, to),
                    (0, 2, 3, 5, 6, 8), edited(plan, path, to))


# ---- profile stores ----

def stores(b, folder, store):
    with open(store, 'rb') as f:
        good = f.read()
    rng = random.Random(3)

    def sql(*statements):
        def make(path):
            with open(path, 'wb') as f:
                f.write(good)
            db = sqlite3.connect(path)
            for s in statements:
                db.execute(s)
            db.commit()
            db.close()
        return make

    def flipped(n):
        bad = bytearray(good)
        for _ in range(n):
            bad[rng.randrange(100, len(bad))] ^= 1 << rng.randrange(8)
        return bytes(bad)

    def loose(table, columns):
        """A table without its checks, and a row that they would refuse."""
        return ['PRAGMA writable_schema = 1',
                'UPDATE sqlite_schema SET sql = \'CREATE TABLE %s (%s)\' '
                'WHERE name = \'%s\'' % (table, columns, table)]
    sample = ('machine INTEGER, signature BLOB, tier TEXT, mask INTEGER, '
              'sweep INTEGER, instance INTEGER, seconds REAL, PRIMARY KEY '
              '(machine, signature, tier, mask, sweep, instance)) '
              'WITHOUT ROWID --')
    cases = [('missing', 0, None), ('good', 0, good), ('empty', 0, b'')]
    # a ruin of ours is put aside
    for n in (8, 64, 512):
        for i in range(4):
            cases.append(('%d bits flipped, %d' % (n, i), (0, 3, 6, 8),
                          flipped(n)))
    for share in (0.2, 0.5, 0.9):
        cases.append(('cut at %d %%' % (100 * share), (0, 8),
                      good[:int(share * len(good))]))
    cases += [
        ('pages of zeros', (0, 8), good[:4096] + bytes(len(good) - 4096)),
        ('pages of ones', (0, 8), good[:4096] + b'\xff' * (len(good) - 4096)),
        ('garbage behind it', (0, 8), good + bytes(rng.randrange(256)
                                                for _ in range(9999))),
        # another's file is never touched
        ('text', 3, b'my notes\n' * 500),
        ('a model', 3, network()),
        ('random bytes', 3, bytes(rng.randrange(256) for _ in range(8192))),
        ('cut within the header', 3, good[:50]),
        ('header of zeros', 3, bytes(100) + good[100:]),
        ('database of another program', 6,
         sql('PRAGMA application_id = 7')),
        ('ruin of another program', (3, 6, 8),
         good[:68] + b'QGIS' + good[72:4096] + bytes(len(good) - 4096)),
        ('schema of tomorrow', 6, sql('PRAGMA user_version = 2')),
        ('directory', 8, os.mkdir),
        ('FIFO', 8, os.mkfifo),
        ('device', 8, lambda p: os.symlink('/dev/full', p)),
        ('symlink to itself', 8, lambda p: os.symlink(p, p)),
        ('table missing', (6, 8), sql('DROP TABLE sample')),
        ('column missing', (6, 8), sql('DROP TABLE calibration',
                                       'CREATE TABLE calibration (x)')),
        ('view in place of a table', (6, 8), sql(
            'DROP TABLE calibration', 'CREATE VIEW calibration AS '
            'SELECT 1 AS machine, 1 AS threads, 1e9 AS read_bw, '
            '1e9 AS write_bw')),
        ('trigger', (0, 6, 8), sql(
            'CREATE TRIGGER t AFTER INSERT ON sample BEGIN '
            'DELETE FROM sample; END')),
        ('endless view', (6, 8), sql(
            'DROP TABLE calibration', 'CREATE VIEW calibration AS '
            'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) '
            'SELECT 1 AS machine, x AS threads, 1e9 AS read_bw, '
            '1e9 AS write_bw FROM c')),
    ]
    # SQLite's header: page size, file versions, reserved bytes, fractions,
    # change counter, pages, free list, schema cookie and format, vacuuming,
    # encoding, whose it is
    for at, n in ((16, 2), (18, 1), (19, 1), (20, 1), (21, 1), (28, 4), (32, 4),
                  (36, 4), (40, 4), (44, 4), (52, 4), (56, 4), (92, 4)):
        for what, to in (('zero', b'\0' * n), ('ones', b'\xff' * n)):
            cases.append(('header byte %d: %s' % (at, what), (0, 3, 6, 8),
                          good[:at] + to + good[at + n:]))
    for name, value in (('0', '0.0'), ('-1', '-1.0'), ('infinite', '9e999'),
                        ('NaN', 'NULL'), ('10^300', '1e300'),
                        ('text', "'fast'"), ('denormal', '5e-324')):
        cases.append(('seconds ' + name, 3, sql(
            *loose('sample', sample),
            'PRAGMA writable_schema = RESET',
            'UPDATE sample SET seconds = ' + value)))
        cases.append(('bandwidth ' + name, 3, sql(
            *loose('calibration', 'machine INTEGER, threads INTEGER, '
                   'read_bw REAL, write_bw REAL, PRIMARY KEY (machine, '
                   'threads)) WITHOUT ROWID --'),
            'PRAGMA writable_schema = RESET',
            'UPDATE calibration SET read_bw = %s' % value)))
    base = None
    for name, codes, data in cases:
        at = os.path.join(folder, 'store')
        shutil.rmtree(at, ignore_errors=True)
        os.mkdir(at)
        path = at + '/p.db'
        if callable(data):
            data(path)
        elif data is not None:
            with open(path, 'wb') as f:
                f.write(data)
        before = data if isinstance(data, bytes) else None
        result = b.start(['run', '../net.onnx', '-q', '-n', '1', '--warmup',
                          '0', '--threads', '1', '--store', 'p.db'], at)
        codes = codes if isinstance(codes, tuple) else (codes,)
        why = None
        if codes == (3,) and before is not None:
            with open(path, 'rb') as f:
                if f.read() != before or len(os.listdir(at)) != 2:
                    why = "another's file was touched"
        if name == 'missing':  # the machine's memory is measured, into 512 MiB
            base = result[2:]
        b.judge('profile store', name, codes, result, why, base or (0, 0))


# ---- tensors ----

def npy(header, data=bytes(512), version=b'\x01\x00', length=None):
    header = header.encode('latin1')
    header += b' ' * (-(len(header) + 11) % 64) + b'\n'
    n = len(header) if length is None else length
    return b'\x93NUMPY' + version + struct.pack('<H', n) + header + data


def head(descr="'<f4'", order='False', shape='(4, 32)'):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order,
                                                                  shape)


def tensors(b, folder, store):
    good = npy(head())
    values = bytes(512)
    cases = [
        ('x.npy', 'good', 0, good), ('x.npy', 'empty', 3, b''),
        ('x.npy', 'missing', 8, None), ('x.npy', 'text', 3, b'1, 2, 3\n' * 99),
        ('x.npy', 'cut in the magic', 3, good[:4]),
        ('x.npy', 'cut in the header', 3, good[:40]),
        ('x.npy', 'cut in the data', 3, good[:-1]),
        ('x.npy', 'bytes behind the data', 3, good + b'x'),
        ('x.npy', 'version 9', (3, 4), npy(head(), version=b'\x09\x00')),
        ('x.npy', 'header longer than the file', 3, npy(head(), length=65535)),
        ('x.npy', 'header of 0 bytes', 3, npy(head(), length=0)),
        ('x.npy', 'no descr', 3, npy("{'shape': (4, 32)}")),
        ('x.npy', 'no shape', 3, npy("{'descr': '<f4'}")),
        ('x.npy', 'open shape', 3, npy(head(shape='(4, 32'))),
        ('x.npy', 'shape is no tuple', 3, npy(head(shape='4'))),
        ('x.npy', 'shape of text', 3, npy(head(shape="('a',)"))),
        ('x.npy', 'dimension -4', 3, npy(head(shape='(-4, -32)'))),
        ('x.npy', 'dimension 2^70', 3, npy(head(shape='(%d,)' % (1 << 70)))),
        ('x.npy', 'dimensions that wrap', 3,
         npy(head(shape='(%d, %d)' % (1 << 32, 1 << 32)))),
        ('x.npy', '2^62 elements', 3, npy(head(shape='(%d,)' % (1 << 62)))),
        ('x.npy', '2^40 elements', 3, npy(head(shape='(%d,)' % (1 << 40)))),
        ('x.npy', 'rank 100', 3, npy(head(shape='(' + '1, ' * 100 + ')'))),
        ('x.npy', 'another shape', 3, npy(head(shape='(32, 4)'))),
        ('x.npy', 'another type', 3, npy(head("'<i4'"))),
        ('x.npy', 'big-endian', 4, npy(head("'>f4'"))),
        ('x.npy', 'objects', 4, npy(head("'|O'"))),
        ('x.npy', 'records', (3, 4), npy(head("[('a', '<f4')]"))),
        ('x.npy', 'strings', 4, npy(head("'<U4'"))),
        ('x.npy', 'Fortran order', (0, 3, 4), npy(head(order='True'))),
        ('x.npy', 'Python in the header', (3, 4),
         npy("__import__('os').system('true')")),
        ('x.npy', 'NUL in the header', (3, 4), npy('\0' * 60)),
        ('x.npy', 'complex', 4, npy(head("'<c8'"))),
        ('x.npy', 'float of 3 bytes', (3, 4), npy(head("'<f3'"))),
        ('x.npy', 'float of 2^70 bytes', (3, 4), npy(head("'<f%d'" % (1 << 70)))),
        ('x.npy', 'descr empty', (3, 4), npy(head("''"))),
        ('x.npy', 'descr a number', (3, 4), npy(head('4'))),
        ('x.npy', 'descr unquoted', 3, npy(head('<f4'))),
        ('x.npy', 'order a number', (3, 4), npy(head(order='7'))),
        ('x.npy', 'shape twice', (0, 3), npy(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 32), "
            "'shape': (1 << 40,), }")),
        ('x.npy', 'dimension 4.0', 3, npy(head(shape='(4.0, 32)'))),
        ('x.npy', 'dimension 0x4', 3, npy(head(shape='(0x4, 32)'))),
        ('x.npy', 'dimension 0', 3, npy(head(shape='(0, 32)'), b'')),
        ('x.npy', 'scalar', 3, npy(head(shape='()'), bytes(4))),
        ('x.npy', 'header of 60 kB of blanks', (0, 3), npy(head() + ' ' * 60000)),
        ('x.npy', 'header of brackets', 3, npy('(' * 60000)),
        ('x.npy', 'directory', 8, os.mkdir),
        ('x.npy', 'FIFO', 8, os.mkfifo),
        ('x.npy', 'device', 8, lambda p: os.symlink('/dev/zero', p)),
        ('x.pb', 'good', 0, tensor('x', FLOAT, [4, 32], values)),
        ('x.pb', 'empty', 3, b''),
        ('x.pb', 'cut', 3, tensor('x', FLOAT, [4, 32], values)[:-9]),
        ('x.pb', 'text', 3, b'1, 2, 3\n' * 99),
        ('x.pb', 'a model', 3, network()),
        ('x.pb', 'another shape', 3, tensor('x', FLOAT, [32, 4], values)),
        ('x.pb', 'another type', 3, tensor('x', INT32, [4, 32], values)),
        ('x.pb', 'raw too short', 3, tensor('x', FLOAT, [4, 32], values[4:])),
        ('x.pb', 'raw too long', 3, tensor('x', FLOAT, [4, 32], values * 2)),
        ('x.pb', 'dims wrap', 3, tensor('x', FLOAT, [1 << 32, 1 << 32], values)),
        ('x.pb', 'dims -4', 3, tensor('x', FLOAT, [-4, -32], values)),
        ('x.pb', 'rank 100000', 3, tensor('x', FLOAT, [1] * 100000, values)),
        ('x.pb', 'two data fields', 3,
         tensor('x', FLOAT, [4, 32], values, f32(4, 1.0) * 128)),
        ('x.pb', 'strings', 4, tensor('x', STRING, [1], more=blob(6, 'a'))),
        ('x.pb', 'element type 99', 4, tensor('x', 99, [4, 32], values)),
        ('x.pb', 'external', (3, 4), external('x', [4, 32],
                                              [('location', '/etc/passwd')])),
        ('x.pb', '4 MB of empty strings', (3, 4),
         tensor('x', FLOAT, [4, 32], values) + blob(6, b'') * 2000000),
        ('x.pb', 'dims absent', 3, tensor('x', FLOAT, [], values)),
        ('x.pb', 'a dimension of 0', 3, tensor('x', FLOAT, [0, 32], b'')),
        ('x.pb', 'dims overflow at the bytes', 3,
         tensor('x', FLOAT, [1 << 61, 2], values)),
        ('x.pb', '2^40 elements', 3, tensor('x', FLOAT, [1 << 40], values)),
        ('x.pb', 'length beyond the end', 3,
         tensor('x', FLOAT, [4, 32], values)[:-512] + bytes(100)),
        ('x.pb', 'endless varint', 3, b'\x08' + b'\xff' * 40),
        ('x.pb', 'field 0', 3, b'\x00\x00' * 20),
        ('x.pb', 'groups', 3, b'\x0b' * 9999),
        ('x.raw', 'good', 0, values), ('x.raw', 'empty', 3, b''),
        ('x.raw', 'too short', 3, values[4:]),
        ('x.raw', 'too long', 3, values + bytes(4)),
        ('x.raw', 'FIFO', 8, os.mkfifo),
        ('x.raw', '1 TiB, sparse', 3, lambda p: os.close(os.open(
            p, os.O_CREAT | os.O_WRONLY)) or os.truncate(p, 1 << 27)),
    ]
    for name, what, codes, data in cases:
        at = os.path.join(folder, 'tensor')
        shutil.rmtree(at, ignore_errors=True)
        os.mkdir(at)
        path = os.path.join(at, name)
        if callable(data):
            data(path)
        elif data is not None:
            with open(path, 'wb') as f:
                f.write(data)
        result = b.start(['run', '../net.onnx', '-q', '-n', '1', '--warmup',
                          '0', '--threads', '1', '--store', store, '--input',
                          'x=' + name], at)
        b.judge('tensor ' + name[1:], what,
                codes if isinstance(codes, tuple) else (codes,), result)
