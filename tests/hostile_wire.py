"""ONNX messages byte by byte, so that files can be made that no exporter would
write. Field numbers are those of onnx.proto."""

import struct

FLOAT, UINT8, INT32, INT64, STRING, BOOL = 1, 2, 6, 7, 8, 9


def varint(v):
    v &= (1 << 64) - 1
    out = bytearray()
    while v > 0x7f:
        out.append(v & 0x7f | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def num(field, v):
    return varint(field << 3) + varint(v)


def blob(field, data):
    if isinstance(data, str):
        data = data.encode('utf-8', 'surrogateescape')
    return varint(field << 3 | 2) + varint(len(data)) + data


def f32(field, v):
    return varint(field << 3 | 5) + struct.pack('<f', v)


def attr(name, v, kind=None):
    """Bytes of an AttributeProto; the kind follows from the Python type."""
    out = blob(1, name)
    if isinstance(v, float):
        out += f32(2, v) + num(20, kind or 1)
    elif isinstance(v, int):
        out += num(3, v) + num(20, kind or 2)
    elif isinstance(v, str):
        out += blob(4, v) + num(20, kind or 3)
    elif isinstance(v, bytes):  # a TensorProto
        out += blob(5, v) + num(20, kind or 4)
    else:
        out += b''.join(num(8, i) for i in v) + num(20, kind or 7)
    return out


def graph_attr(name, g):
    return blob(1, name) + blob(6, g) + num(20, 5)


def node(op, ins, outs, *attrs, name='n', domain=None):
    out = b''.join(blob(1, i) for i in ins) + b''.join(blob(2, o) for o in outs)
    out += blob(3, name) + blob(4, op)
    out += b''.join(blob(5, a) for a in attrs)
    return out + (blob(7, domain) if domain is not None else b'')


def tensor(name, dtype, dims, raw=None, more=b''):
    out = b''.join(num(1, d) for d in dims) + num(2, dtype)
    if name is not None:
        out += blob(8, name)
    return out + (blob(9, raw) if raw is not None else b'') + more


def floats(name, dims, value=0.5):
    n = 1
    for d in dims:
        n *= d
    return tensor(name, FLOAT, dims, struct.pack('<f', value) * n)


def ints(name, values, dims=None):
    return tensor(name, INT64, [len(values)] if dims is None else dims,
                  struct.pack('<%dq' % len(values), *values))


def external(name, dims, entries, dtype=FLOAT):
    more = b''.join(blob(13, blob(1, k) + blob(2, v)) for k, v in entries)
    return tensor(name, dtype, dims, more=more + num(14, 1))


def info(name, dims=(1, 4), dtype=FLOAT):
    """ValueInfoProto; a str is a dim_param, None an open dimension."""
    shape = b''
    if dims is not None:
        for d in dims:
            shape += blob(1, num(1, d) if isinstance(d, int) else
                          blob(2, d) if d is not None else b'')
        shape = blob(2, shape)
    return blob(1, name) + blob(2, blob(1, num(1, dtype) + shape))


def graph(nodes, inits=(), ins=None, outs=None, name='g', more=b''):
    out = b''.join(blob(1, n) for n in nodes) + blob(2, name)
    out += b''.join(blob(5, t) for t in inits)
    out += b''.join(blob(11, i) for i in (ins if ins is not None
                                          else [info('x')]))
    out += b''.join(blob(12, o) for o in (outs if outs is not None
                                          else [info('y', None)]))
    return out + more


def model(g, opset=13, ir=7, more=b''):
    out = num(1, ir) if ir is not None else b''
    if opset is not None:
        out += blob(8, blob(1, '') + num(2, opset))
    return out + blob(7, g) + more


def simple(*nodes, **kw):
    return model(graph(nodes, **kw))
