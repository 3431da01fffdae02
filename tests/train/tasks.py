#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea train's other ends, on pictures drawn for it: tasks.py FOVEA DRAW [long|seeds]

What is measured is measured on pictures that were kept apart. Prints each figure.
"""
import csv
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

FOVEA, DRAW = sys.argv[1:3]
VECTORS = ['-r', 'embedding', '--size', 32, '--vector', 16, '-e', 8, '-b', 32]


def draw(folder, kind, n):
    subprocess.run([DRAW, kind, str(folder / kind), str(n)], check=True)
    return folder / kind


def train(*args):
    return [FOVEA, 'train', *map(str, args), '--quiet', '-d', 'cpu:2']


def learn(folder, data, *args):
    """The last epoch's figure."""
    subprocess.run(train(data, '-o', folder / 'out.onnx', *args), check=True)
    row = list(csv.reader((folder / 'out.onnx.csv').open()))[-1]
    return float(row[-1])


def at_least(what, value, low):
    print(f'# {what} {100 * value:.1f} %', flush=True)
    assert value >= low, (what, value, low)


def test_masks(folder):
    data = draw(folder, 'shapes', 120)
    at_least('Dice', learn(folder, data, '-r', 'unet', '-e', 7, '-b', 12), 0.9)


def write_masks(data, inside, outside=0, odd=None):
    """Grey PNGs of a square: of that value inside; odd: in the masks of odd numbers instead."""
    for i, path in enumerate(sorted(data.glob('*.mask.png'))):
        value = odd if odd is not None and i % 2 else inside
        rows = b''.join(b'\0' + bytes(value if 20 <= x < 44 and 20 <= y < 44 else outside
                                      for x in range(64)) for y in range(64))
        chunks = ((b'IHDR', struct.pack('>IIBBBBB', 64, 64, 8, 0, 0, 0, 0)),
                  (b'IDAT', zlib.compress(rows)), (b'IEND', b''))
        path.write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(
            struct.pack('>I', len(d)) + k + d + struct.pack('>I', zlib.crc32(k + d))
            for k, d in chunks))


def test_grey_values(folder):
    """0 and 1 are classes as 0 and 255 are, said or not; nothing to learn is no 100 %."""
    data, curves, said = draw(folder, 'shapes', 8), [], []
    args = [data, '-r', 'unet', '-o', folder / 'g.onnx', '--size', 32, '-e', 1, '-b', 4]
    for value, option in ((255, ()), (1, ()), (1, ('--classes', 2))):
        write_masks(data, value)
        done = subprocess.run([a for a in train(*args, *option) if a != '--quiet'],
                              capture_output=True, text=True, check=True)
        said.append(next((l for l in done.stdout.splitlines() if l.startswith('masks:')), ''))
        curves.append((folder / 'g.onnx.csv').read_text())
    assert curves[0] == curves[1] == curves[2], curves
    assert 'half grey' in said[0] and 'grey value 1 is' in said[1] and not said[2], said
    fails([*args, '--classes', 3, '--class-weights', '0,0,0'], 'nothing would be learned')
    low = learn(folder, data, '-r', 'unet', '--size', 32, '-e', 1, '-b', 4, '--classes', 3,
                '--learning-rate', '1e-9')
    assert low < 0.5, low  # class 2 is nowhere: it counts for nothing
    for inside, outside, option, text in (
            (0, 0, (), 'not a pixel of an object on any of 6 masks'),
            (255, 255, (), 'above half grey alone'),
            (255, 0, ('--classes', 2), 'classes from 1 on (255 counts for none)'),
            (7, 0, ('--classes', 2), '.mask.png\': grey value 7 at '),
            (7, 0, (), '.mask.png\': grey value 7, expected 0 and 1, or 0 and 255'),
            (100, 0, (), '.mask.png\': grey value 100, expected 0 and 1, or 0 and 255')):
        write_masks(data, inside, outside)
        fails([*args, *option], text)
    write_masks(data, 1, odd=0)
    for seed in range(9):
        done = subprocess.run(train(*args, '--seed', seed), capture_output=True, text=True, check=True)
        if 'that are kept apart: there is no Dice' in done.stderr:
            break
    assert (folder / 'g.onnx.csv').read_text().endswith(',-1.0000\n')


def test_masks_of_objects(folder):
    """Polygons of COCO's json are masks too; what is drawn before is what would be learned."""
    data = draw(folder, 'shapes', 8)
    names = sorted(p.name for p in data.glob('*p.png'))
    (folder / 'a.json').write_text(json.dumps({
        'categories': [{'id': 4, 'name': 'thing'}],
        'images': [{'id': i, 'file_name': n, 'width': 64, 'height': 64} for i, n in enumerate(names)],
        'annotations': [{'image_id': i, 'category_id': 4, 'bbox': [8, 8, 40, 40],
                         'segmentation': [[8, 8, 48, 8, 28, 48]]} for i in range(len(names))]}))
    args = [folder / 'a.json', '-i', data, '-r', 'unet', '-b', 4]
    subprocess.run(train(*args, '-o', folder / 'm.onnx', '--size', 32, '-e', 1), check=True)
    assert (folder / 'm.onnx.labels').read_text() == 'background\nthing\n'
    sheets = []
    for augment in ('strong', 'strong', 'none'):
        subprocess.run(train(*args, '--preview', folder / 'p.png', '--augment', augment), check=True)
        sheets.append((folder / 'p.png').read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_tags(folder):
    data = draw(folder, 'tags', 400)
    at_least('macro-AP', learn(folder, data / 'tags.csv', '-r', 'depthwise+se', '--size', 48, '-e',
                               14, '-b', 16), 0.8)
    assert (folder / 'out.onnx.labels').read_text() == 'cross\ndisc\nframe\n'


def test_tags_in_quotes(folder):
    """As other programs write them: names and labels with commas and quotes, lines of Windows."""
    drawn = draw(folder, 'tags', 6)
    names = ['a, b.png', 'the "best".png', 'two\nlines.png', 'plain.png', ' blank.png', 'none.png']
    labels = ['salt, pepper;12" disc', 'cross', '12" disc', 'cross;salt, pepper', 'cross', '']
    for path, name in zip(sorted(drawn.glob('*.png')), names):
        path.rename(drawn / name)
    for end in ('\n', '\r\n'):
        with (drawn / 'quoted.csv').open('w', newline='') as out:
            csv.writer(out, lineterminator=end).writerows(zip(names, labels))
        learn(folder, drawn / 'quoted.csv', '--size', 16, '-e', 1, '-b', 3, '--validation', 0)
        assert (folder / 'out.onnx.labels').read_text() == '12" disc\ncross\nsalt, pepper\n'


def test_vectors(folder):
    data = draw(folder, 'marks', 40)
    at_least('recall', learn(folder, data, *VECTORS), 0.3)


def seeds_of_vectors(folder):
    """How much of the figure is chance: start, order, and which pictures are kept apart."""
    data = draw(folder, 'marks', 40)
    recalls = [100 * learn(folder, data, *VECTORS, '--seed', seed) for seed in range(1, 9)]
    print(f'# recall {statistics.mean(recalls):.1f} % ({min(recalls):.1f} to {max(recalls):.1f}), '
          'mean of seeds 1 to 8', flush=True)


def test_augments_on_vulkan(folder):
    """Pictures of each kind of run are changed where the network learns, and the same way again."""
    info = subprocess.run([FOVEA, 'info'], capture_output=True, text=True, check=False)
    if 'vulkan' not in info.stdout:
        return
    runs = (('shapes', '', 'unet', '-o', folder / 'a.onnx'), ('shapes', '', 'unet', '-o', folder / 'b.onnx'),
            ('words', '', 'crnn'), ('tags', 'tags.csv', 'depthwise'), ('marks', '', 'embedding'),
            ('marks', '', 'depthwise'))
    for kind, file, recipe, *out in runs:
        done = subprocess.run([*train(draw(folder, kind, 4) / file, '-o', folder / 'c.onnx', '-r', recipe,
                                      '--size', 32, '-e', 1, '-b', 8, '--validation', 0, '--augment',
                                      'strong', *out), '-d', 'vulkan'],
                              capture_output=True, text=True, check=True,
                              env=os.environ | {'FOVEA_VALIDATION': '1', 'G_MESSAGES_DEBUG': 'Fovea'})
        said = done.stdout + done.stderr
        assert said.count('pictures are augmented on') == 1, done
        assert not any(bad in said for bad in ('the host does', 'on the host', 'VUID')), done
    assert (folder / 'a.onnx').read_bytes() == (folder / 'b.onnx').read_bytes()


def test_texts_begin(folder):
    """A few steps, a kill and a resume: the bytes of an unbroken run."""
    data = draw(folder, 'words', 40)
    args = [data, '-r', 'crnn', '--width', 96, '-b', 8, '-e', 4]
    subprocess.run(train(*args, '-o', folder / 'a.onnx'), check=True)
    done = 0
    while done < 50:
        resume = ['--resume'] if (folder / 'b.onnx.safetensors').exists() else []
        with subprocess.Popen(train(*args, '-o', folder / 'b.onnx', *resume)) as process:
            try:
                assert process.wait(1 + 0.5 * done) == 0
                break
            except subprocess.TimeoutExpired:
                process.kill()
                done += 1
    assert (folder / 'a.onnx').read_bytes() == (folder / 'b.onnx').read_bytes()
    labels = (folder / 'a.onnx.labels').read_text().splitlines()
    assert len(labels) == len(set(labels)) and 'a' in labels


def test_texts(folder):
    data = draw(folder, 'words', 1500)
    wrong = learn(folder, data, '-r', 'crnn', '--width', 96, '-e', 16, '-b', 16)
    print(f'# CER {100 * wrong:.1f} %', flush=True)
    assert wrong <= 0.05


def fails(args, text):
    done = subprocess.run(train(*args), capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2) and text in done.stderr and done.stderr.count('\n') == 1, done


def test_errors(folder):
    out = folder / 'e.onnx'
    words, shapes = draw(folder, 'words', 5), draw(folder, 'shapes', 3)
    (words / 'labels.txt').write_text('00000p.png\n')
    fails([words, '-r', 'crnn', '-o', out], 'labels.txt, line 1: expected picture<TAB>text')
    (words / 'labels.txt').write_text('00000p.png\tabcdefghijklmnopqrstuvwxyz\n')
    fails([words, '-r', 'crnn', '-o', out, '--width', 96], "needs more than the 24 steps")
    (words / 'labels.txt').write_bytes(b'\xef\xbb\xbfnowhere.png\tabc\r\n')
    fails([words, '-r', 'crnn', '-o', out], '/nowhere.png')
    (words / 'labels.txt').write_bytes(b'00000.png\tabc\r\n\r\n00001.png\r\n')
    fails([words, '-r', 'crnn', '-o', out], 'labels.txt, line 3: expected picture<TAB>text')
    fails([folder / 'nothing.csv', '-o', out], 'nothing.csv')
    (folder / 'bad.csv').write_text('only a name\n')
    fails([folder / 'bad.csv', '-o', out], 'bad.csv, line 1: expected picture,label;label')
    for text, problem in (
            ('a.png,x\n\n"b.png,x\nc.png,x\n', 'line 3: a quote is opened here, and never closed'),
            ('"a\nb.png",x\nc.png\n', 'line 3: expected picture,label;label'),
            ('"a.png" ,x\n', 'line 1: expected a comma or the line\'s end behind a quote'),
            ('a.png,x\nb.png, "y"\n', 'line 2: a quote inside of a field'),
            ('a,b.png,x\n', 'line 1: expected picture,label;label (a name with commas in quotes)'),
            (',x\n', 'line 1: expected picture,label;label'),
            ('a.png,"x\ny"\n', 'line 1: a label of several lines'),
            ('a.png,x\0;y\n', 'not a text in UTF-8')):
        (folder / 'bad.csv').write_text(text)
        fails([folder / 'bad.csv', '-o', out], 'bad.csv' + (', ' if 'line' in problem else ': ') + problem)
    fails([shapes, '-r', 'unet', '-o', out, '--size', 30], 'expected multiples of 8')
    fails([folder / 'nowhere', '-r', 'unet', '-o', out], 'no such file or folder')
    fails([shapes, '-r', 'unet+cake', '-o', out], "recipe 'unet+cake'")
    fails([shapes, '-t', 'vectors', '-b', 4, '-o', out], '--batch is 4, but a batch of vectors has four')
    fails([shapes, '-t', 'cake', '-o', out], "--task is 'cake'")
    fails([words, '-r', 'unet', '-o', out], 'expected NAME.mask.png beside NAME.jpg')
    (shapes / '0001p.mask.png').write_bytes(b'no picture')
    fails([shapes, '-r', 'unet', '-o', out], '0001p.mask.png')


def main():
    tests = [test_masks, test_grey_values, test_masks_of_objects, test_tags, test_tags_in_quotes, test_vectors,
             test_augments_on_vulkan, test_texts_begin, test_errors]
    if sys.argv[3:] == ['long']:
        tests = [test_texts]
    if sys.argv[3:] == ['seeds']:
        tests = [seeds_of_vectors]
    print(f'1..{len(tests)}', flush=True)
    for i, test in enumerate(tests, 1):
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as name:
            test(pathlib.Path(name))
        print(f'ok {i} - {test.__name__} # {time.monotonic() - start:.1f} s', flush=True)


main()
