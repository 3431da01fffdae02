# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small ONNX files written by hand, as protobuf's wire format has them."""
import struct

FLOAT, INT64 = 1, 7


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor_info(name, dims):
    shape = b''.join(field(1, field(2, 'free') if d < 0 else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def constant(name, dims, values):
    """float32, or int64 where all values are whole."""
    whole = all(isinstance(v, int) for v in values)
    data = struct.pack(f'<{len(values)}{"q" if whole else "f"}', *values)
    return (b''.join(field(1, d) for d in dims) + field(2, INT64 if whole else FLOAT) + field(8, name)
            + field(9, data))


def node(op, inputs, output, **attributes):
    """Attributes are whole numbers."""
    made = b''.join(field(1, i) for i in inputs) + field(2, output) + field(3, output) + field(4, op)
    return made + b''.join(field(5, field(1, name) + field(3, value) + field(20, 2))
                           for name, value in attributes.items())


def model(nodes, constants, inputs, outputs):
    """inputs, outputs: (name, dims)."""
    graph = (b''.join(field(1, n) for n in nodes) + field(2, 'made')
             + b''.join(field(5, c) for c in constants)
             + b''.join(field(11, tensor_info(*i)) for i in inputs)
             + b''.join(field(12, tensor_info(*o)) for o in outputs))
    return field(1, 8) + field(7, graph) + field(8, field(1, '') + field(2, 13))
