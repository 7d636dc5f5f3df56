"""The classes of bad models: each case is a group, a name, the exit codes that
are right, and what makes the file. Two are benign, so that a checker which
refuses everything fails too."""

import os
import random
import struct

from hostile_wire import *

CASES = []


def case(group, name, codes, data, extra=(), says=''):
    """data: the model's bytes, or a function of the folder that makes
    model.onnx and what lies beside it (or returns the bytes). says: what must
    stand on stderr."""
    CASES.append((group, name, codes if isinstance(codes, tuple) else (codes,),
                  data, tuple(extra), says))


def relu(**kw):
    return simple(node('Relu', ['x'], ['y']), **kw)


def one(op, ins, *attrs, inits=(), dims=(1, 4), out=None, opset=13):
    """One node over x and initialisers."""
    return model(graph([node(op, ins, ['y'], *attrs)], inits,
                       [info('x', dims)],
                       [info('y', None) if out is None else out]), opset)


def wire():
    good = relu()
    rng = random.Random(1)
    case('benign', 'relu', 0, good)
    case('benign', 'unknown fields', 0, good + num(4000, 7) + blob(4001, 'abc'))
    case('bytes', 'empty', 3, b'')
    for cut in (1, len(good) // 2, len(good) - 1):
        case('bytes', 'cut at %d' % cut, 3, good[:cut])
    for seed in range(4):
        case('bytes', 'random %d' % seed, 3,
             bytes(rng.randrange(256) for _ in range(2000)))
    case('bytes', 'text', 3, b'this is no model\n' * 20)
    case('bytes', 'zeros', 3, bytes(4096))
    case('bytes', 'ones', 3, b'\xff' * 4096)
    case('bytes', 'length beyond the end', 3, blob(7, b'x' * 9)[:-4])
    case('bytes', 'length of 2^63', 3,
         varint(7 << 3 | 2) + varint(1 << 63) + good)
    case('bytes', 'varint of 11 bytes', 3, b'\x08' + b'\xff' * 11 + b'\x01')
    case('bytes', 'field number 0', 3, b'\x02\x01a' + good)
    case('bytes', 'group wire type', 3, b'\x0b' + good)
    case('bytes', 'wrong wire type', 3, varint(7 << 3) + b'\x01' + good)
    case('bytes', 'graph twice', 3, good + blob(7, graph([])))
    case('bytes', 'directory', 8, lambda d: os.mkdir(d + '/model.onnx'))
    case('bytes', 'FIFO', 8, lambda d: os.mkfifo(d + '/model.onnx'))
    case('bytes', 'missing', 8, lambda d: None)


def depth():
    g = graph([])
    for _ in range(3000):
        g = graph([node('If', [], [], graph_attr('then_branch', g))])
    case('depth', 'graphs in graphs, 3000', 3, model(g))
    g = relu()[4:]
    for levels in (15, 40):
        g = graph([node('Relu', ['x'], ['y'])])
        for _ in range(levels):
            g = graph([node('If', ['x'], ['y'], graph_attr('then_branch', g))])
        case('depth', 'graphs in graphs, %d' % levels, (3, 4), model(g))
    t = num(1, 1)
    for _ in range(5000):
        t = blob(4, blob(1, t))  # sequence of
    case('depth', 'sequence types, 5000', 3,
         simple(node('Relu', ['x'], ['y']),
                ins=[blob(1, 'x') + blob(2, t)]))
    f = blob(1, 'F') + blob(4, 'x') + blob(5, 'y') + \
        blob(7, node('F', ['x'], ['y'], domain='d')) + blob(10, 'd')
    case('depth', 'function that calls itself', (3, 4),
         model(graph([node('F', ['x'], ['y'], domain='d')]),
               more=blob(25, f) + blob(8, blob(1, 'd') + num(2, 1))))
    f2 = f.replace(b'F', b'G')
    case('depth', 'functions that call each other', (3, 4),
         model(graph([node('F', ['x'], ['y'], domain='d')]),
               more=blob(25, f.replace(b'"\x01F', b'"\x01G')) + blob(25, f2) +
               blob(8, blob(1, 'd') + num(2, 1))))


def size():
    case('size', '4 MB of empty attributes', (3, 4),
         simple(node('Relu', ['x'], ['y']) + blob(5, b'') * 2000000))
    case('size', '4 MB of empty tensors', 3,
         model(graph([node('Relu', ['x'], ['y'])], [b''] * 2000000)))
    case('size', '4 MB of empty nodes', (3, 4),
         model(graph([b''] * 2000000)))
    case('size', '4 MB of unknown fields', 0, relu() + num(4000, 1) * 1300000)
    case('size', '4 MB of empty strings', (3, 4),
         simple(node('Relu', [''] * 2000000, ['y'])))
    case('size', 'repeated singular message', 3,
         relu() + blob(7, b'') * 160000)
    case('size', 'rank 100000', 3, relu(ins=[info('x', (1,) * 100000)]))
    case('size', 'initialiser of rank 100000', 3,
         one('Add', ['x', 'w'], inits=[tensor('w', FLOAT, (1,) * 100000,
                                              bytes(4))]))
    case('size', 'name of 1 MB', 3,
         simple(node('Relu', ['x' * 1000000], ['y']),
                ins=[info('x' * 1000000)]))
    case('size', '200000 Constants', (0, 3),
         simple(*[node('Constant', [], ['c%d' % i], attr('value_float', 1.0))
                  for i in range(200000)], node('Relu', ['x'], ['y'])))
    case('size', '200000 folded nodes', (0, 3, 4),
         simple(node('Constant', [], ['c0'], attr('value_ints', [1])),
                *[node('Add', ['c%d' % i, 'c0'], ['c%d' % (i + 1)])
                  for i in range(100000)], node('Relu', ['x'], ['y'])))
    case('size', '30000 inputs', 0,
         simple(node('Relu', ['x'], ['y']),
                ins=[info('x')] + [info('i%d' % i) for i in range(30000)]))


def dims():
    for name, d in (('2^40', (1 << 40,)), ('2^62 x 4', (1 << 62, 4)),
                    ('2^32 x 2^32', (1 << 32, 1 << 32)),
                    ('2^63 - 1', ((1 << 63) - 1,)), ('-4', (-4,)),
                    ('65536 four times', (65536,) * 4)):
        case('dims', 'input ' + name, (5, 8) if name == '2^40' else 3,
             relu(ins=[info('x', d)]))
        case('dims', 'initialiser ' + name, 3,
             one('Add', ['x', 'w'], inits=[tensor('w', FLOAT, d, bytes(16))]))
    case('dims', 'zero', 0, relu(ins=[info('x', (0, 4))]))
    case('dims', 'open, not bound', 2, relu(ins=[info('x', ('N', 4))]))
    case('dims', 'bound to 2^31 - 1', 3,
         relu(ins=[info('x', ('N', 'N'))]), ['--dim', 'N=2147483647'])


def tensors():
    def add(t):
        return one('Add', ['x', 'w'], inits=[t])
    case('tensor', 'raw too short', 3, add(tensor('w', FLOAT, [4], bytes(12))))
    case('tensor', 'raw too long', 3, add(tensor('w', FLOAT, [4], bytes(20))))
    case('tensor', 'no data', 3, add(tensor('w', FLOAT, [4])))
    case('tensor', 'two data fields', 3,
         add(tensor('w', FLOAT, [1], bytes(4), f32(4, 1.0))))
    case('tensor', 'data in the wrong field', 3,
         add(tensor('w', FLOAT, [1], more=num(7, 1))))
    case('tensor', 'element type 99', 4, add(tensor('w', 99, [4], bytes(16))))
    case('tensor', 'element type -1', 3, add(tensor('w', -1, [4], bytes(16))))
    case('tensor', 'strings', 4, add(tensor('w', STRING, [1], more=blob(6, 'a'))))
    case('tensor', 'in segments', 4,
         add(tensor('w', FLOAT, [1], bytes(4), blob(3, num(1, 0)))))
    case('tensor', 'sparse, index out of range', (3, 4),
         model(graph([node('Relu', ['x'], ['y'])],
                     more=blob(15, blob(1, floats('w', [1])) +
                               blob(2, ints(None, [99])) + num(3, 4)))))
    case('tensor', '300 MB in a field that is not contiguous', (3, 4),
         add(tensor('w', FLOAT, [30000], more=f32(4, 1.0) * 30000)))


def structure():
    def nodes(*n, **kw):
        return simple(*n, **kw)
    case('graph', 'cycle', 3, nodes(node('Add', ['x', 'b'], ['a']),
                                    node('Relu', ['a'], ['b']),
                                    node('Relu', ['b'], ['y'])))
    case('graph', 'self-loop', 3, nodes(node('Add', ['x', 'y'], ['y'])))
    case('graph', 'unsorted', 3, nodes(node('Relu', ['a'], ['y']),
                                       node('Relu', ['x'], ['a'])))
    case('graph', 'value twice', 3, nodes(node('Relu', ['x'], ['y']),
                                          node('Abs', ['x'], ['y'])))
    case('graph', 'one node, output twice', 3,
         nodes(node('Split', ['x'], ['y', 'y'], attr('axis', 1))))
    case('graph', 'input twice', 3, relu(ins=[info('x'), info('x')]))
    case('graph', 'initialiser twice', 3,
         one('Add', ['x', 'w'], inits=[floats('w', [4])] * 2))
    case('graph', 'initialiser is a node output', 3,
         model(graph([node('Relu', ['x'], ['y'])], [floats('y', [1, 4])])))
    case('graph', 'output twice', 3, relu(outs=[info('y', None)] * 2))
    case('graph', 'missing initialiser', 3, one('Add', ['x', 'w']))
    case('graph', 'output nobody produces', 3, relu(outs=[info('z')]))
    case('graph', 'no outputs', 3, relu(outs=[]))
    case('graph', 'no graph', 3, num(1, 7) + blob(8, num(2, 13)))
    case('graph', 'no nodes', 3, model(graph([])))
    case('graph', 'declared shape is wrong', 3, relu(outs=[info('y', (2, 4))]))
    case('graph', 'declared type is wrong', 3,
         relu(outs=[info('y', (1, 4), INT64)]))
    case('graph', 'value_info is wrong', 3,
         simple(node('Relu', ['x'], ['a']), node('Relu', ['a'], ['y']),
                more=blob(13, info('a', (9,)))))
    case('graph', 'input without a type', 3, relu(ins=[blob(1, 'x')]))
    case('graph', 'input without a name', 3, relu(ins=[info('')]))


def versions():
    r = graph([node('Relu', ['x'], ['y'])])
    case('version', 'unknown operator', 4, one('Nonsense', ['x']))
    case('version', 'unknown domain', 4,
         simple(node('Relu', ['x'], ['y'], domain='com.example')))
    case('version', 'no operator', 4, one('', ['x']))
    case('version', 'opset 0', 4, model(r, 0))
    case('version', 'opset -3', 4, model(r, -3))
    case('version', 'opset 999', 4, model(r, 999))
    case('version', 'no opset', 4, model(r, None))
    case('version', 'opset twice', 3,
         model(r, more=blob(8, blob(1, '') + num(2, 12))))
    case('version', 'opset twice, two names', 3,
         model(r, more=blob(8, blob(1, 'ai.onnx') + num(2, 12))))
    case('version', 'IR 999', 4, model(r, ir=999))
    case('version', 'no IR', 3, model(r, ir=None))
    case('version', 'sequence input', 4,
         relu(ins=[blob(1, 'x') + blob(2, blob(4, blob(1, blob(1, num(1, 1)))))]))
    case('version', 'map input', 4,
         relu(ins=[blob(1, 'x') +
                   blob(2, blob(5, num(1, 7) + blob(2, blob(1, num(1, 1)))))]))


def arity():
    case('arity', 'no inputs', 3, one('Relu', []))
    case('arity', 'input missing', 3, one('Add', ['x']))
    case('arity', 'input too many', 3, one('Relu', ['x', 'x']))
    case('arity', 'required input has no name', 3, one('Add', ['x', '']))
    case('arity', 'no outputs', 3, simple(node('Relu', ['x'], [])))
    case('arity', 'output too many', 3, simple(node('Relu', ['x'], ['y', 'z'])))
    case('arity', 'attribute unknown', 3, one('Relu', ['x'], attr('alpha', 1.0)))
    case('arity', 'attribute twice', 3,
         one('Elu', ['x'], attr('alpha', 1.0), attr('alpha', 2.0)))
    case('arity', 'attribute of a wrong type', 3,
         one('Elu', ['x'], attr('alpha', 1)))
    case('arity', 'attribute whose type lies', 3,
         one('Elu', ['x'], attr('alpha', 1.0, kind=2)))
    case('arity', 'attribute without a value', 3,
         one('Elu', ['x'], blob(1, 'alpha') + num(20, 4)))
    case('arity', 'attribute reference outside a function', 3,
         one('Elu', ['x'], blob(1, 'alpha') + blob(21, 'a') + num(20, 1)))
    for v in (float('nan'), float('-inf')):
        case('arity', 'alpha %s' % v, 0, one('Elu', ['x'], attr('alpha', v)))
    case('arity', 'epsilon NaN', (0, 3),
         one('InstanceNormalization', ['x', 's', 's'],
             attr('epsilon', float('nan')), inits=[floats('s', [2])],
             dims=(1, 2, 4)))
    case('arity', 'axis out of range', 3, one('Softmax', ['x'], attr('axis', 9)))
    case('arity', 'axis -2^63', 3,
         one('Softmax', ['x'], attr('axis', -(1 << 63))))
    case('arity', 'perm twice the same', 3,
         one('Transpose', ['x'], attr('perm', [0, 0])))
    case('arity', 'Reshape -1, -1', 3,
         one('Reshape', ['x', 's'], inits=[ints('s', [-1, -1])]))
    case('arity', 'Split that does not add up', 3,
         simple(node('Split', ['x', 's'], ['y', 'z'], attr('axis', 1)),
                inits=[ints('s', [9, -5])]))


def conv():
    def c(*attrs, w=(2, 2, 3, 3), x=(1, 2, 8, 8), op='Conv'):
        return one(op, ['x', 'w'], *attrs, inits=[floats('w', w)], dims=x)
    for name, v in (('strides', [0, 0]), ('strides', [-1, 1]),
                    ('strides', [1]), ('dilations', [-1, -1]),
                    ('dilations', [0, 0]), ('dilations', [1 << 62] * 2),
                    ('dilations', [1]), ('pads', [1 << 62] * 4),
                    ('pads', [-100] * 4), ('pads', [1, 1]),
                    ('kernel_shape', [5, 5]), ('kernel_shape', [3]),
                    ('kernel_shape', [0, 0])):
        case('conv', '%s %s' % (name, v if abs(v[0]) < 1000 else '2^62'), 3,
             c(attr(name, v)))
    for g in (0, 3, -1):
        case('conv', 'group %d' % g, 3, c(attr('group', g)))
    case('conv', 'auto_pad nonsense', 3, c(attr('auto_pad', 'ROUND')))
    case('conv', 'weight of another rank', 3, c(w=(2, 2, 3)))
    case('conv', 'weight of other channels', 3, c(w=(2, 5, 3, 3)))
    case('conv', 'transpose, output_padding 2^62', 3,
         c(attr('output_padding', [1 << 62] * 2), op='ConvTranspose'))
    case('conv', 'transpose, strides 2^40', (3, 5, 8),
         c(attr('strides', [1 << 40] * 2), op='ConvTranspose'))
    for v in ([0, 0], [-2, 2]):
        case('conv', 'MaxPool kernel_shape %s' % v, 3,
             one('MaxPool', ['x'], attr('kernel_shape', v), dims=(1, 2, 8, 8)))
    case('conv', 'AveragePool pads beyond the kernel', (0, 3),
         one('AveragePool', ['x'], attr('kernel_shape', [2, 2]),
             attr('pads', [9, 9, 9, 9]), dims=(1, 2, 8, 8)))


def indices():
    i = [ints('i', [99])]
    case('index', 'Gather', 3, one('Gather', ['x', 'i'], inits=i))
    case('index', 'Gather -2^63', 3,
         one('Gather', ['x', 'i'], inits=[ints('i', [-(1 << 63)])]))
    case('index', 'GatherElements', 3,
         one('GatherElements', ['x', 'i'], inits=[ints('i', [99], [1, 1])]))
    case('index', 'GatherND', 3,
         one('GatherND', ['x', 'i'], inits=[ints('i', [0, 99], [1, 2])]))
    case('index', 'ScatterElements', 3,
         one('ScatterElements', ['x', 'i', 'u'],
             inits=[ints('i', [99], [1, 1]), floats('u', [1, 1])]))
    case('index', 'ScatterND', 3,
         one('ScatterND', ['x', 'i', 'u'],
             inits=[ints('i', [0, 99], [1, 2]), floats('u', [1])]))
    case('index', 'OneHot depth 2^40', (3, 4, 5, 8),
         one('OneHot', ['i', 'd', 'v'],
             inits=i + [ints('d', [1 << 40], []), floats('v', [2])]))
    case('index', 'MaxUnpool', (3, 4),
         one('MaxUnpool', ['x', 'i'], attr('kernel_shape', [2, 2]),
             inits=[ints('i', [999], [1, 1, 1, 1])], dims=(1, 1, 1, 1)))


def bombs():
    big = (3, 5, 8)
    case('bomb', 'Expand to 2^50', big,
         one('Expand', ['x', 's'], inits=[ints('s', [1 << 48, 4])]))
    case('bomb', 'Expand to 2^62', big,
         one('Expand', ['x', 's'], inits=[ints('s', [1 << 60, 4])]))
    case('bomb', 'ConstantOfShape 2^50', big,
         one('ConstantOfShape', ['s'], inits=[ints('s', [1 << 50])]))
    case('bomb', 'ConstantOfShape 2^31, integers', big + (4,),
         simple(node('ConstantOfShape', ['s'], ['c'],
                     attr('value', tensor('v', INT64, [1], bytes(8)))),
                node('Add', ['c', 'i'], ['y']),
                inits=[ints('s', [1 << 40]), ints('i', [1])]))
    case('bomb', 'Tile by 2^40', big,
         one('Tile', ['x', 's'], inits=[ints('s', [1 << 40, 1])]))
    case('bomb', 'Resize by 2^30', big,
         one('Resize', ['x', '', 's'], inits=[floats('s', [2], 2.0 ** 30)]))
    case('bomb', 'Resize by NaN', 3,
         one('Resize', ['x', '', 's'], inits=[floats('s', [2], float('nan'))]))
    case('bomb', 'Range to 2^62', big,
         one('Range', ['a', 'b', 'c'], inits=[ints('a', [0], []),
                                              ints('b', [1 << 62], []),
                                              ints('c', [1], [])]))
    case('bomb', 'Range by 0', 3,
         one('Range', ['a', 'b', 'a'], inits=[ints('a', [0], []),
                                              ints('b', [9], [])]))
    case('bomb', 'Range by NaN', 3,
         one('Range', ['a', 'b', 'c'], inits=[floats('a', [], 0.0),
                                              floats('b', [], 9.0),
                                              floats('c', [], float('nan'))]))
    case('bomb', 'Pad by 2^50', big,
         one('Pad', ['x', 'p'], inits=[ints('p', [0, 0, 0, 1 << 50])]))
    case('bomb', 'doubling, 40 times', big,
         simple(*[node('Concat', ['x%d' % i] * 2, ['x%d' % (i + 1)],
                       attr('axis', 0)) for i in range(40)],
                ins=[info('x0')], outs=[info('x40', None)]))
    trips = graph([node('Identity', ['c'], ['d'])],
                  ins=[info('i', (), INT64), info('c', (), BOOL)],
                  outs=[info('d', (), BOOL)])
    case('bomb', 'Loop of 2^63 - 1 trips', (3, 4, 5),
         simple(node('Loop', ['m', 't'], [], graph_attr('body', trips)),
                node('Relu', ['x'], ['y']),
                inits=[ints('m', [(1 << 63) - 1], []),
                       tensor('t', BOOL, [], b'\x01')]))
    case('bomb', 'folding: matrix products', (0, 3, 4),
         simple(*[node('MatMul', ['a', 'b'], ['m%d' % i]) for i in range(200)],
                node('Relu', ['x'], ['y']),
                inits=[floats('a', [128, 3000]), floats('b', [3000, 128])]))
    case('bomb', 'folding: convolutions', (0, 3, 4),
         simple(*[node('Conv', ['a', 'b'], ['m%d' % i]) for i in range(50)],
                node('Relu', ['x'], ['y']),
                inits=[floats('a', [1, 1, 600, 600]),
                       floats('b', [1, 1, 500, 500])]))
    case('bomb', 'folding: reductions of 4 MB', (0, 3, 4),
         simple(*[node('ReduceSum', ['a'], ['m%d' % i]) for i in range(2000)],
                node('Relu', ['x'], ['y']), inits=[floats('a', [1 << 20])]))
    case('bomb', 'folding: results of 64 KB', (0, 3, 4),
         simple(*[node('ConstantOfShape', ['s'], ['m%d' % i],
                       attr('value', tensor('v', INT64, [1], bytes(8))))
                  for i in range(20000)], node('Relu', ['x'], ['y']),
                inits=[ints('s', [8000])]))
    case('bomb', 'folding: pooling', (0, 3, 4),
         simple(*[node('MaxPool', ['a'], ['m%d' % i],
                       attr('kernel_shape', [900, 900]))
                  for i in range(100)], node('Relu', ['x'], ['y']),
                inits=[floats('a', [1, 1, 1000, 1000])]))
    case('bomb', 'folding: sorting', (0, 3, 4),
         simple(*[node('TopK', ['a', 'k'], ['v%d' % i, 'i%d' % i])
                  for i in range(300)], node('Relu', ['x'], ['y']),
                inits=[floats('a', [1 << 18]), ints('k', [2000])]))


def names():
    for name, text in (('escape sequences', '\x1b[2J\x1b[31mx'),
                       ('newlines', 'x\ny\r'), ('markup', '<script>x</script>'),
                       ('formula', '=1+1,x'), ('format', '%s%n%s%n'),
                       ('path', '../../x'), ('quotes', '"\'`;\\')):
        case('names', name, 0,
             simple(node('Relu', [text], [text + 'y'], name=text),
                    ins=[info(text)], outs=[info(text + 'y', None)],
                    name=text))
    case('names', 'NUL', 3, simple(node('Relu', ['x\0y'], ['y'])))
    case('names', 'no UTF-8', 3, simple(node('Relu', [b'\xff\xfe'], ['y'])))
    case('names', 'surrogate', 3, simple(node('Relu', [b'\xed\xa0\x80'], ['y'])))


def outside():
    """Files that are not there, not regular, or not where they may be."""
    def ext(entries, dims=(4,), make=None):
        def write(folder):
            if make:
                make(folder)
            return one('Add', ['x', 'w'], inits=[external('w', dims, entries)])
        return write

    def data(folder, name='w.bin', n=16):
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(bytes(n))

    def where(location, make=data):
        return ext([('location', location)], make=make)
    case('external', 'benign', 0, where('w.bin'))
    case('external', 'absolute', 3, where('/etc/passwd'))
    case('external', '../', 3, where('../w.bin'))
    case('external', 'a/../../', (3, 8), where('a/../../w.bin'))
    case('external', '/proc/self/fd', 3, where('/proc/self/fd/0'))
    case('external', 'missing', 8, where('nothing.bin'))
    case('external', 'no location', 3, ext([('offset', '0')]))
    case('external', 'empty location', 3, where(''))
    case('external', 'location of 1 MB', (3, 8), where('a' * 1000000))
    case('external', 'symlink out', 3, where('l', lambda d: os.symlink(
        '/etc/passwd', d + '/l')))
    case('external', 'symlink to itself', 3, where('l', lambda d: os.symlink(
        'l', d + '/l')))
    case('external', 'directory symlink out', 3, where(
        'l/passwd', lambda d: os.symlink('/etc', d + '/l')))
    case('external', 'FIFO', 3, where('l', lambda d: os.mkfifo(d + '/l')))
    case('external', 'device', 3, where('l', lambda d: os.symlink(
        '/dev/zero', d + '/l')))
    case('external', 'directory', 3, where('l', lambda d: os.mkdir(d + '/l')))

    def hard(folder):
        data(folder)
        os.link(folder + '/w.bin', folder + '/l')
    case('external', 'hard link', 0, where('l', hard),
         says='more than one name')
    for name, more in (
            ('offset wraps', [('offset', str((1 << 64) - 8))]),
            ('offset beyond 2^64', [('offset', str(1 << 70))]),
            ('offset negative', [('offset', '-16')]),
            ('offset no number', [('offset', '0x10')]),
            ('offset empty', [('offset', '')]),
            ('offset beyond the end', [('offset', '1000')]),
            ('length too short', [('length', '12')]),
            ('length too long', [('length', '1600')]),
            ('length negative', [('length', '-1')]),
            ('offset twice', [('offset', '0'), ('offset', '0')]),
            ('location twice', [('location', 'w.bin')])):
        case('external', name, 3,
             ext([('location', 'w.bin')] + more, make=data))
    case('external', 'unknown key', 0,
         ext([('location', 'w.bin'), ('colour', 'red')], make=data))
    case('external', 'file too short', 3,
         ext([('location', 'w.bin')], (1 << 20,), data))
    case('external', 'data here and there', 3,
         lambda d: data(d) or one('Add', ['x', 'w'], inits=[
             external('w', [4], [('location', 'w.bin')]) + blob(9, bytes(16))]))


for part in (wire, depth, size, dims, tensors, structure, versions, arity, conv,
             indices, bombs, names, outside):
    part()
