#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea train, as its users meet it: command.py FOVEA"""
import csv
import hashlib
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import wire  # noqa: E402

FOVEA = sys.argv[1]
SIZE = 24


def stripes(kind, rand):
    dark, light = sorted(rand.sample(range(0, 256, 16), 2))
    phase, width = rand.randrange(8), 3
    rows = bytearray()
    for y in range(SIZE):
        for x in range(SIZE):
            along = {'rows': y, 'columns': x, 'diagonals': x + y}[kind]
            value = light if (along + phase) // width % 2 else dark
            rows += bytes(max(0, min(255, value + rand.randrange(-9, 10))) for _ in range(3))
    return b'P6\n%d %d\n255\n' % (SIZE, SIZE) + bytes(rows)


def png_size(path):
    assert path.read_bytes()[:8] == b'\x89PNG\r\n\x1a\n'
    return struct.unpack('>II', path.read_bytes()[16:24])


def make_pictures(folder):
    rand = random.Random(5)
    for kind in ('rows', 'columns', 'diagonals'):
        (folder / kind).mkdir(parents=True)
        for i in range(30):
            (folder / kind / f'{i:02}p.ppm').write_bytes(stripes(kind, rand))


def train(*args):
    return [FOVEA, 'train', *map(str, args), '--quiet']


def common(data, out, device='cpu:2'):
    # The mirror turns no class into another.
    return [data, '-o', out, '--size', 16, '--epochs', 20, '--batch', 12, '-d', device]


def test_learns(folder, data):
    out = folder / 'a.onnx'
    subprocess.run(train(*common(data, out)), check=True)
    rows = list(csv.DictReader((folder / 'a.onnx.csv').open()))
    assert [int(r['epoch']) for r in rows] == list(range(1, 21)), rows
    assert float(rows[-1]['loss']) < float(rows[0]['loss']) / 2, rows
    assert float(rows[-1]['accuracy']) >= 0.9, rows
    assert (folder / 'a.onnx.labels').read_text() == 'columns\ndiagonals\nrows\n'
    assert png_size(folder / 'a.onnx.png') == (960, 818)


def test_same_bytes_with_other_threads(folder, data):
    subprocess.run(train(*common(data, folder / 'b.onnx', 'cpu:1')), check=True)
    assert (folder / 'b.onnx').read_bytes() == (folder / 'a.onnx').read_bytes()


def test_goes_on_after_kill(folder, data):
    """Killed again and again, the run ends with the bytes of an unbroken one."""
    out = folder / 'c.onnx'
    kills = 0
    for _ in range(60):
        resume = ['--resume'] if (folder / 'c.onnx.safetensors').exists() else []
        with subprocess.Popen(train(*common(data, out), *resume)) as process:
            try:
                assert process.wait(0.2 + 0.3 * kills) == 0
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT if kills % 2 else signal.SIGKILL)
                kills += 1
    assert kills
    assert out.read_bytes() == (folder / 'a.onnx').read_bytes()


def test_vulkan(folder, data):
    """Learns there too, and goes on after Ctrl-C to the bytes of an unbroken run."""
    out, broken = folder / 'v.onnx', folder / 'w.onnx'
    subprocess.run(train(*common(data, out, 'vulkan')), check=True)
    rows = list(csv.DictReader((folder / 'v.onnx.csv').open()))
    assert float(rows[-1]['accuracy']) >= 0.9, rows
    with subprocess.Popen(train(*common(data, broken, 'vulkan'))) as process:
        while not (folder / 'w.onnx.safetensors').exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
    assert len((folder / 'w.onnx.csv').read_text().splitlines()) < 20 + 1
    subprocess.run(train(*common(data, broken, 'vulkan'), '--resume'), check=True)
    assert broken.read_bytes() == out.read_bytes()


def test_goes_on_from_a_model(folder, data):
    out = folder / 'd.onnx'
    subprocess.run(train(data, '-o', out, '-m', folder / 'a.onnx', '--freeze', 'to=pool', '--epochs',
                         1, '--batch', 12), check=True)
    rows = list(csv.DictReader((folder / 'd.onnx.csv').open()))
    assert float(rows[-1]['accuracy']) >= 0.9, rows


def test_mixed(folder, data):
    """Pictures that are put together teach shares of classes."""
    out = folder / 'x.onnx'
    subprocess.run(train(*common(data, out), '--augment', 'none,mixup=1,mosaic=0.5', '--epochs', 2),
                   check=True)
    rows = list(csv.DictReader((folder / 'x.onnx.csv').open()))
    assert float(rows[-1]['loss']) < 1.2, rows


def test_preview(folder, data):
    """A batch of pictures, the same whenever it is drawn."""
    sheets = []
    for name, augment in (('a', 'strong'), ('b', 'strong'), ('c', 'none')):
        out = folder / f'{name}.png'
        subprocess.run(train(data, '--preview', out, '--augment', augment, '--size', 20, '--batch',
                             5), check=True)
        sheets.append(out.read_bytes())
        assert png_size(out) == (3 * 22 - 2, 2 * 22 - 2)
    assert sheets[0] == sheets[1] != sheets[2]
    fails([data, '--preview', folder / 'd.png', '--augment', 'spin=3'], "no augmentation 'spin'")
    fails([data / 'no.json', '--preview', folder / 'd.png'], 'no.json')


def test_takes_new_statistics(folder, data):
    """Of pictures a third as bright: it starts better with them than with the old ones."""
    pale = folder / 'pale'
    for path in data.glob('*/*.ppm'):
        (pale / path.parent.name).mkdir(parents=True, exist_ok=True)
        head, pixels = path.read_bytes()[:13], path.read_bytes()[13:]
        (pale / path.parent.name / path.name).write_bytes(head + bytes(v // 3 for v in pixels))
    first = {}
    for option in ((), ('--recalibrate',)):
        out = folder / f'f{len(option)}.onnx'
        go_on = [pale, '-o', out, '-m', folder / 'a.onnx', *option, '--epochs', 2, '--batch', 12]
        subprocess.run(train(*go_on), check=True)
        first[option] = float(next(csv.DictReader(out.with_suffix('.onnx.csv').open()))['accuracy'])
        subprocess.run(train(*go_on, '--resume'), check=True)
    assert first['--recalibrate',] > first[()], first


def write_net(path, batch, apart=False):
    """A convolution, and scores of its means: exported for so many pictures, -1: any; apart: with
    a constant for each picture in its midst."""
    rand = random.Random(3)
    def values(n):
        return [rand.uniform(-0.4, 0.4) for _ in range(n)]
    nodes = [wire.node('Conv', ['x', 'kernel', 'bias'], 'c'), wire.node('Relu', 'c', 'r'),
             wire.node('GlobalAveragePool', 'r', 'p'), wire.node('Reshape', ['p', 'rows'], 'm'),
             wire.node('Concat', ['m', 'beside'], 'a', axis=1) if apart else wire.node('Identity', 'm', 'a'),
             wire.node('Gemm', ['a', 'head', 'shift'], 'y')]
    path.write_bytes(wire.model(nodes, [
        wire.constant('kernel', (8, 3, 3, 3), values(8 * 27)), wire.constant('bias', (8,), values(8)),
        wire.constant('rows', (2,), [batch, 8]), wire.constant('beside', (1, 2), values(2)),
        wire.constant('head', (10 if apart else 8, 3), values(30 if apart else 24)),
        wire.constant('shift', (3,), values(3))], [('x', (batch, 3, 16, 16))], [('y', (batch, 3))]))
    return path


def test_batch_of_one(folder, data):
    """An export for one picture at a time learns from as many as others, and stays what it is."""
    curves = []
    for batch in 1, -1:
        args = [*common(data, folder / f'batch{batch}.onnx'), '--epochs', 3, '-m',
                write_net(folder / 'net.onnx', batch), '--smote']
        subprocess.run(train(*args), check=True)
        curves.append((folder / f'batch{batch}.onnx.csv').read_text())
        before, after = ((folder / name).read_bytes() for name in ('net.onnx', f'batch{batch}.onnx'))
        shape = wire.tensor_info('x', (batch, 3, 16, 16))
        assert before != after and shape in before and shape in after
    assert curves[0] == curves[1], curves
    subprocess.run(train(data, '-o', folder / 'batch1.onnx', '-t', 'vectors', '-m',
                         write_net(folder / 'net.onnx', 1), '--size', 16, '-e', 1), check=True)
    args = [*common(data, folder / 'apart.onnx'), '-m', write_net(folder / 'net.onnx', 1, apart=True)]
    fails(args, "net.onnx: node 'a' (Concat)")
    fails(args, 'the model is for batches of 1, expected --batch 1, or an export')
    subprocess.run(train(*args, '--batch', 1, '--epochs', 1), check=True)


def test_balance(folder, data):
    """Of thirty pictures and four an epoch has 34; where the four come as often as the thirty, 60."""
    rare = folder / 'rare'
    for kind, n in (('rows', 30), ('columns', 4)):
        (rare / kind).mkdir(parents=True)
        for i in range(n):
            (rare / kind / f'{i:02}p.ppm').write_bytes((data / kind / f'{i:02}p.ppm').read_bytes())
    for power in (0, 1):
        subprocess.run(train(*common(rare, folder / f'r{power}.onnx'), '--balance', power,
                             '--epochs', 1, '--validation', 0), check=True)
    assert png_size(folder / 'r1.onnx.png')[1] < 818 # nothing was measured: no panel for it
    steps = [int(list(csv.DictReader((folder / f'r{p}.onnx.csv').open()))[0]['step'])
             for p in (0, 1)]
    assert steps == [34 // 12, 60 // 12], steps


def test_remedies(folder, data):
    """Weights, focal loss, dropout and SMOTE together; a run that goes on is the unbroken one."""
    args = ['--epochs', 6, '--class-weights', 'auto', '--focal', 2, '--dropout', 0.2, '--smote']
    files = [folder / name for name in ('m.onnx', 'n.onnx', 'o.onnx')]
    subprocess.run(train(*common(data, files[0]), *args), check=True)
    with subprocess.Popen(train(*common(data, files[1]), *args)) as process:
        while not (folder / 'n.onnx.safetensors').exists() and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    for _ in range(2):  # the second has only the end to do again
        subprocess.run(train(*common(data, files[1]), *args, '--resume'), check=True)
        assert files[1].read_bytes() == files[0].read_bytes()
    subprocess.run(train(*common(data, files[2]), *args[:-1]), check=True)
    assert files[2].read_bytes() != files[0].read_bytes()


def kill_after(args, curve, epochs):
    """Kills a run of training when so many epochs are in its curve."""
    curve.unlink(missing_ok=True)
    with subprocess.Popen(train(*args)) as process:
        while process.poll() is None and not (
                curve.exists() and len(curve.read_text().splitlines()) > epochs):
            time.sleep(0.01)
        process.kill()


def test_goes_on_from_the_same_model(folder, data):
    """With another one, or none, what stays as it is and the learning rate would be another's."""
    out, freeze = folder / 'z.onnx', ['--freeze', 'to=pool', '--epochs', 6]
    subprocess.run(train(*common(data, folder / 'a2.onnx'), '--epochs', 1, '--seed', 2), check=True)
    subprocess.run(train(*common(data, out), '-m', folder / 'a.onnx', *freeze), check=True)
    want = out.read_bytes()
    run = [*common(data, out), *freeze]
    kill_after([*run, '-m', folder / 'a.onnx'], folder / 'z.onnx.csv', 2)
    fails([*run, '--resume'], 'began with a --model, which is left out now')
    fails([*run, '-m', folder / 'a2.onnx', '--resume'], 'began with another --model than')
    (folder / 'moved.onnx').write_bytes((folder / 'a.onnx').read_bytes())
    subprocess.run(train(*run, '-m', folder / 'moved.onnx', '--resume'), check=True)
    assert out.read_bytes() == want
    fails([*common(data, folder / 'c.onnx'), '-m', folder / 'a.onnx', '--resume'], 'began without a --model')


def with_note(checkpoint, key, value):
    """A checkpoint with another note, and the digest that fits."""
    size = int.from_bytes(checkpoint[:8], 'little')
    header = json.loads(checkpoint[8:8 + size])
    header['__metadata__'] |= {'sha256': 64 * '0', key: value}
    text = json.dumps(header, separators=(',', ':')).encode()
    text += -len(text) % 8 * b' '
    digest = hashlib.sha256(text + checkpoint[8 + size:]).hexdigest().encode()
    return len(text).to_bytes(8, 'little') + text.replace(64 * b'0', digest) + checkpoint[8 + size:]


def test_hostile_notes(folder, data):
    """Notes that no run has are damage, whatever the digest says: the checkpoint before is used."""
    out, files = folder / 'y.onnx', [folder / f'y.onnx.safetensors{n}' for n in ('', '.1')]
    resume = train(*common(data, out), '--epochs', 3, '--resume')
    subprocess.run([*resume[:-2], '--quiet'], check=True)
    want, kept = out.read_bytes(), [path.read_bytes() for path in files]
    for key, value in (('epoch', '-5'), ('epoch', '999999999999'), ('epoch', '2x'), ('step', '-1'),
                       ('place', '1 1 72 0'), ('curve', 'epoch\n')):
        bad = with_note(kept[0], key, value)
        for path, content in zip(files, (bad, kept[1])):
            path.write_bytes(content)
        done = subprocess.run(resume, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and 'the checkpoint before it is used' in done.stderr, done
        assert (folder / 'y.onnx.safetensors.damaged').read_bytes() == bad
        assert out.read_bytes() == want
    for path in files:
        path.write_bytes(with_note(kept[0], 'epoch', '0'))
    fails(resume[2:-1], "y.onnx.safetensors: its note 'epoch' is damaged: expected 1 to 3")


def test_output_that_is_no_file(folder, data):
    """What is no regular file is refused before anything is learned; a link is followed."""
    out = folder / 'pipe.onnx'
    for path in out, folder / 'q.onnx.csv', folder / 'q.onnx.safetensors':
        os.mkfifo(path)
        name = path.name.replace('.csv', '').replace('.safetensors', '')
        fails([*common(data, folder / name), '-m', folder / 'no'], f'{path.name} is a named pipe, expected')
        assert path.is_fifo()
        path.unlink()
    (folder / 'kept').mkdir()
    (folder / 'kept' / 'l.onnx.csv.fovea-Ab3dE9').touch()  # of a run that was killed
    for name in 'l.onnx', 'l.onnx.csv', 'l.onnx.safetensors':
        (folder / name).symlink_to(pathlib.Path('kept') / name)
    subprocess.run(train(*common(data, folder / 'l.onnx'), '--epochs', 2), check=True)
    assert all((folder / n).is_symlink() for n in ('l.onnx', 'l.onnx.csv', 'l.onnx.safetensors'))
    assert sorted(p.name for p in (folder / 'kept').iterdir()) == [
        'l.onnx', 'l.onnx.csv', 'l.onnx.safetensors', 'l.onnx.safetensors.1']


def fails(args, text):
    done = subprocess.run(train(*args), capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2) and text in done.stderr and done.stderr.count('\n') == 1, done


def test_errors(folder, data):
    out = folder / 'e.onnx'
    fails([folder / 'nowhere', '-o', out], 'no such file or folder')
    fails([data / 'rows', '-o', out], 'no folder of pictures for each class in it')
    fails([data, '-o', out, '--resume'], 'e.onnx.safetensors to go on from')
    fails([data, '-o', folder / 'no' / 'e.onnx'], 'there is no folder')
    fails([data], '--output is missing')
    fails([data, '-o', folder / 'data'], 'data is a folder, expected the .onnx file')
    fails([data, '-o', '/proc/e.onnx'], '--output /proc/e.onnx: ')
    for option, recipe in ((), 'residual'), (('-r', 'depthwise+se'), 'depthwise+se'):
        fails([data, '-o', out, '--freeze', 'to=nowhere', *option],
              f"recipe {recipe}: there is no node or tensor 'nowhere'")
    fails([data, '-o', out, '-m', folder / 'a.onnx', '--freeze', 'to=nowhere'],
          "a.onnx: there is no node or tensor 'nowhere'")
    fails([folder / 'rare', '-o', out, '-m', folder / 'a.onnx'],
          'a.onnx: the model gives scores of shape 32x3, expected 32x2 for as many classes')
    fails([data, '-o', out, '--recalibrate'], 'need --model')
    fails([data, '-o', out, '-m', folder / 'a.onnx', '--unfold', data / 'rows'], 'no convolution')
    fails([data, '-o', out, '--recipe', 'cake'], "--recipe is 'cake'")
    fails([data, '-o', folder / 'a.onnx', '--resume', *common(data, out)[3:], '--seed', 9], 'made with --seed 1, not 9')
    fails([*common(data, folder / 'a.onnx'), '--resume', '--learning-rate', '0.1'],
          'made with --learning-rate 0.05, not 0.1')
    for args, text in (
            (['--class-weights', '1,2'], 'one for each of 3 classes: columns, diagonals, rows'),
            (['--class-weights', '0,0,0'], 'nothing would be learned, expected a number above 0'),
            (['--class-weights', '1,x,2'], "'x' is not a number"),
            (['--focal', '2,0.9'], 'ALPHA is of two classes, but there are 3'),
            (['--focal', '0'], "--focal is '0', expected GAMMA above 0"),
            (['--focal', '2', '--label-smoothing', '0.1'], 'exclude each other'),
            (['--vector', '8'], '--vector is for vectors, but this run learns classes'),
            (['-t', 'tags', '--smote'], '--smote is for classes, but this run learns tags'),
            (['-m', folder / 'a.onnx', '--dropout', '0.1'], 'not into a model'),
            (['-m', folder / 'a.onnx', '--smote', '--freeze', 'to=scores'], 'no parameters')):
        fails([data, '-o', out, '--size', 16, *args], text)
    (data / 'rows' / 'z.ppm').write_bytes(b'P6\n3')
    fails([data, '-o', out], 'z.ppm')


def main():
    tests = [test_learns, test_same_bytes_with_other_threads, test_goes_on_after_kill,
             test_vulkan, test_goes_on_from_a_model, test_batch_of_one, test_balance, test_mixed, test_remedies,
             test_preview, test_takes_new_statistics, test_output_that_is_no_file, test_hostile_notes,
             test_goes_on_from_the_same_model, test_errors]
    print(f'1..{len(tests)}', flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_pictures(folder / 'data')
        for i, test in enumerate(tests, 1):
            start = time.monotonic()
            test(folder, folder / 'data')
            print(f'ok {i} - {test.__name__} # {time.monotonic() - start:.1f} s', flush=True)


main()
