#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the seeds of fuzz_onnx and fuzz_tfjs: small networks, one for each thing the readers know.

make_corpus.py [PROTO_DIR]   (default /usr/include; needs protoc)
"""
import json
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).parent / 'corpus'
PROTO = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '/usr/include') / 'onnx'


def value(name, dims, kind=1):
    dim = ' '.join('dim {%s}' % (f'dim_value: {d}' if isinstance(d, int) else f'dim_param: "{d}"')
                   for d in dims)
    return f'name: "{name}" type {{ tensor_type {{ elem_type: {kind} shape {{ {dim} }} }} }}'


def tensor(name, dims, data, kind=1):
    field = {1: 'float_data', 7: 'int64_data', 10: 'int32_data', 11: 'double_data'}[kind]
    return (f'name: "{name}" data_type: {kind} ' + ' '.join(f'dims: {d}' for d in dims) +
            f' {field}: [{", ".join(map(str, data))}]')


def attr(name, v):
    if isinstance(v, str):
        return f'attribute {{ name: "{name}" type: STRING s: "{v}" }}'
    if isinstance(v, int):
        return f'attribute {{ name: "{name}" type: INT i: {v} }}'
    if isinstance(v, float):
        return f'attribute {{ name: "{name}" type: FLOAT f: {v} }}'
    return f'attribute {{ name: "{name}" type: INTS ints: [{", ".join(map(str, v))}] }}'


def node(op, inputs, outputs, extra='', **attrs):
    return (f'op_type: "{op}" ' + ' '.join(f'input: "{i}"' for i in inputs) + ' ' +
            ' '.join(f'output: "{o}"' for o in outputs) + ' ' +
            ' '.join(attr(k, v) for k, v in attrs.items()) + extra)


def onnx(name, opset, nodes, outputs, weights=(), inputs=(('x', (1, 2, 4, 4)),), extra=''):
    text = f'ir_version: 7 opset_import {{ version: {opset} }} {extra} graph {{ name: "g" '
    text += ' '.join(f'node {{ {n} }}' for n in nodes)
    text += ' '.join(f' initializer {{ {w} }}' for w in weights)
    text += ' '.join(f' input {{ {value(*i)} }}' for i in inputs)
    text += ' '.join(f' output {{ {value(o, ("n",))} }}' for o in outputs) + ' }'
    data = subprocess.run(['protoc', f'-I{PROTO}', '--encode=onnx.ModelProto',
                           str(PROTO / 'onnx.proto')], input=text.encode(), check=True,
                          capture_output=True).stdout
    (HERE / 'onnx' / f'{name}.onnx').write_bytes(data)


def make_onnx():
    kernel = tensor('w', (2, 2, 1, 1), (1, 2, 3, 4))
    onnx('conv', 13, [node('Conv', 'xw', 'y', strides=[2, 2], auto_pad='SAME_UPPER'),
                      node('Relu', 'y', 'z')], 'z', [kernel])
    onnx('half', 13, [node('Conv', 'xw', 'y')], 'y',
         [tensor('w', (2, 2, 1, 1), (15360,) * 4, 10)])
    onnx('external', 13, [node('Conv', 'xw', 'y')], 'y',
         ['name: "w" data_type: 1 dims: [2, 2, 1, 1] data_location: EXTERNAL '
          'external_data { key: "location" value: "0" } external_data { key: "offset" value: "8" }'])
    onnx('reshape', 13, [node('Shape', 'x', 's'), node('Gather', 'si', 'b', axis=0),
                         node('Unsqueeze', 'ba', 'u'), node('Concat', 'um', 'c', axis=0),
                         node('Reshape', 'xc', 'z')], 'z',
         [tensor('i', (), (0,), 7), tensor('a', (1,), (0,), 7), tensor('m', (1,), (-1,), 7)],
         [('x', ('n', 2, 4, 4))])
    onnx('old', 8, [node('Clip', 'x', 'a', min=0.0, max=6.0), node('Softmax', 'a', 'b', axis=1),
                    node('Upsample', 'b', 'c', ' attribute { name: "scales" type: FLOATS '
                         'floats: [1, 1, 2, 2] }', mode='nearest'),
                    node('Slice', 'c', 'd', starts=[0], ends=[3], axes=[2]),
                    node('ReduceMean', 'd', 'e', axes=[2, 3], keepdims=0),
                    node('Dropout', 'e', 'f')], 'f')
    onnx('split', 11, [node('Split', 'x', 'ab', axis=1, split=[1, 1]),
                       node('Pad', 'ap', 'd'), node('Resize', ('d', '', 's'), 'z', mode='linear')],
         'z', [tensor('p', (8,), (0, 0, 1, 1, 0, 0, 1, 1), 7),
               tensor('s', (4,), (1, 1, 1.5, 1.5))])
    onnx('constants', 13, [node('Constant', '', 'a', value_float=2.0),
                           node('Constant', '', 'b', ' attribute { name: "value" type: TENSOR t '
                                '{ dims: 1 data_type: 7 int64_data: 3 } }'),
                           node('ConstantOfShape', 'b', 'c'), node('Range', 'lhd', 'r'),
                           node('Cast', 'r', 'q', to=1), node('Sum', 'acq', 's'),
                           node('Mul', 'xt', 'z'), node('ReduceSum', 's', 't')], 'z',
         [tensor('l', (), (0,), 7), tensor('h', (), (3,), 7), tensor('d', (), (1,), 7)])
    onnx('nms', 13, [node('NonMaxSuppression', 'bs', 'y'), node('TopK', 'sk', 'vi')], ('y', 'v'),
         [tensor('k', (1,), (1,), 7)], [('b', (1, 4, 4)), ('s', (1, 1, 4))])
    onnx('gemm', 13, [node('Flatten', 'x', 'f'), node('Gemm', 'fw', 'g', transB=1),
                      node('BatchNormalization', 'gbbbb', 'z')], 'z',
         [tensor('w', (2, 32), range(64)), tensor('b', (2,), (1, 1), 11)],
         extra='metadata_props { key: "names" value: "{0: \'a\'}" }')
    onnx('if', 13, [node('If', 'x', 'y', ' attribute { name: "then_branch" type: GRAPH g '
                         '{ node { op_type: "Identity" output: "y" } output { name: "y" } } }')],
         'y')


def tfjs(name, nodes, weights):
    data, specs = b'', []
    for w, (shape, dtype, raw) in weights.items():
        specs.append({'name': w, 'shape': shape, **dtype})
        data += raw
    nodes = [{'name': w, 'op': 'Const', 'attr': {}} for w in weights] + nodes
    text = json.dumps({'modelTopology': {'node': nodes},
                       'weightsManifest': [{'paths': ['w'], 'weights': specs}]})
    (HERE / 'tfjs' / f'{name}.bin').write_bytes(text.encode() + b'\0' + data)


def op(kind, name, *inputs, **attrs):
    coded = {}
    for k, v in attrs.items():
        coded[k] = ({'s': list(v.encode())} if isinstance(v, str) else
                    {'list': {'i': [str(i) for i in v]}} if isinstance(v, list) else
                    v if isinstance(v, dict) else {'i': str(v)})
    return {'name': name, 'op': kind, 'input': list(inputs), 'attr': coded}


def make_tfjs():
    f32, i32 = {'dtype': 'float32'}, {'dtype': 'int32'}
    u8 = {'dtype': 'float32', 'quantization': {'dtype': 'uint8', 'scale': 0.5, 'min': -1}}

    def floats(*v):
        return struct.pack(f'<{len(v)}f', *v)

    def ints(*v):
        return struct.pack(f'<{len(v)}i', *v)

    dims = [{'size': '1'}, {'size': '4'}, {'size': '4'}, {'size': '2'}]
    image = op('Placeholder', 'x', dtype={'type': 1}, shape={'shape': {'dim': dims}})
    tfjs('conv', [image, op('Conv2D', 'c', 'x', 'k', strides=[1, 2, 2, 1], padding='SAME'),
                  op('DepthwiseConv2dNative', 'd', 'c', 'q', padding='VALID'),
                  op('FusedBatchNormV3', 'n', 'd', 'b', 'b', 'b', 'b'), op('Relu6', 'r', 'n'),
                  op('BiasAdd', 'a', 'r', 'b'), op('Reshape', 'y', 'a', 's')],
         {'k': ([1, 1, 2, 2], f32, floats(1, 2, 3, 4)), 'q': ([1, 1, 2, 1], u8, b'\1\2'),
          'b': ([2], f32, floats(1, 1)), 's': ([2], i32, ints(-1, 2))})
    tfjs('axes', [image, op('Mean', 'm', 'x', 'hw', keep_dims=1), op('Mul', 'p', 'x', 'm'),
                  op('ConcatV2', 'c', 'p', 'x', 'one'), op('Shape', 's', 'c'),
                  op('StridedSlice', 'b', 's', 'z', 'e', 'e', shrink_axis_mask=1),
                  op('Pack', 'k', 'b', 'm1', axis=0), op('Reshape', 'r', 'c', 'k'),
                  op('Unpack', 'u', 'r', num=1, axis=0), op('Softmax', 'f', 'u:0')],
         {'hw': ([2], i32, ints(1, 2)), 'one': ([], i32, ints(3)), 'z': ([1], i32, ints(0)),
          'e': ([1], i32, ints(1)), 'm1': ([], i32, ints(-1))})
    loop = [op('Placeholder', 'image', dtype={'type': 4}, shape={'shape': {'dim': dims}}),
            op('Enter', 'enter', 'image'), op('Merge', 'merge', 'enter', 'next'),
            op('ResizeBilinear', 'resize', 'merge', 'size'), op('NextIteration', 'next', 'resize'),
            op('Exit', 'exit', 'merge'), op('TensorArrayGatherV3', 'gather', 'exit', 'resize'),
            op('ResizeNearestNeighbor', 'up', 'gather', 'size'), op('Pad', 'y', 'up', 'pads'),
            op('MaxPool', 'z', 'y', ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='VALID')]
    tfjs('loop', loop, {'size': ([2], i32, ints(6, 6)),
                        'pads': ([4, 2], i32, ints(0, 0, 1, 1, 1, 1, 0, 0))})


make_onnx()
make_tfjs()
