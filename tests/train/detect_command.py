#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea train for a detector, as its users meet it: detect_command.py FOVEA"""
import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

FOVEA = sys.argv[1]
DATA = pathlib.Path(os.environ.get('FOVEA_TEST_DATA', '/nonexistent'))
PHOTOS = DATA / 'coco' / 'train128'
MODEL = DATA / 'models' / 'detect' / 'yolox_nano.onnx'


def make_annotations(folder):
    """Four photos, with COCO's categories; the same with a category that no model knows."""
    full = json.loads((DATA / 'coco' / 'instances_train128.json').read_text())
    images = full['images'][:4]
    ids = {i['id'] for i in images}
    few = {'images': images, 'categories': full['categories'],
           'annotations': [a for a in full['annotations'] if a['image_id'] in ids]}
    (folder / 'few.json').write_text(json.dumps(few))
    few['categories'] = [{'id': 1, 'name': 'anything'}]
    for a in few['annotations']:
        a['category_id'] = 1
    (folder / 'anything.json').write_text(json.dumps(few))


def train(*args):
    return [FOVEA, 'train', *map(str, args), '--quiet']


def common(folder, out, device='cpu:2', annotations='few.json', epochs=30):
    return [PHOTOS, '-a', folder / annotations, '-m', MODEL, '-o', out, '--size', 128, '--batch', 4,
            '--epochs', epochs, '-d', device, '--augment', 'none', '--valid-annotations',
            folder / annotations, '--valid-images', PHOTOS, '--learning-rate', '2e-4']


def rows_of(path):
    return list(csv.DictReader(path.open()))


def test_learns(folder):
    out = folder / 'a.onnx'
    subprocess.run(train(*common(folder, out)), check=True)
    rows = rows_of(folder / 'a.onnx.csv')
    assert [int(r['epoch']) for r in rows] == list(range(1, 31)), rows
    assert float(rows[-1]['loss']) < 0.5 * float(rows[0]['loss']), rows
    assert float(rows[-1]['ap50']) > 50, rows
    parts = sum(float(rows[-1][k]) for k in ('box', 'object', 'class'))
    assert abs(parts - float(rows[-1]['loss'])) < 1e-3 * parts, rows


def test_same_bytes_with_other_threads(folder):
    subprocess.run(train(*common(folder, folder / 'b.onnx', 'cpu:1')), check=True)
    assert (folder / 'b.onnx').read_bytes() == (folder / 'a.onnx').read_bytes()


def test_goes_on_after_kill(folder):
    """Killed again and again, the run ends with the bytes of an unbroken one."""
    out = folder / 'c.onnx'
    kills = 0
    for _ in range(40):
        resume = ['--resume'] if (folder / 'c.onnx.safetensors').exists() else []
        with subprocess.Popen(train(*common(folder, out), *resume)) as process:
            try:
                assert process.wait(1 + kills) == 0
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT if kills % 2 else signal.SIGKILL)
                kills += 1
    assert kills
    assert out.read_bytes() == (folder / 'a.onnx').read_bytes()


def test_new_classes(folder):
    """A category that the model does not know gets a head of its own; the file says what it is."""
    out = folder / 'd.onnx'
    subprocess.run(train(*common(folder, out, annotations='anything.json')), check=True)
    assert (folder / 'd.labels').read_text() == 'anything\n'
    rows = rows_of(folder / 'd.onnx.csv')
    assert float(rows[-1]['ap50']) > 30, rows
    done = subprocess.run([FOVEA, 'doctor', out], capture_output=True, text=True, check=True)
    assert '1x3549x6' in done.stdout, done.stdout


def test_frozen_backbone_learns_too(folder):
    subprocess.run(train(*common(folder, folder / 'e.onnx'), '--freeze', 'backbone'), check=True)
    rows = rows_of(folder / 'e.onnx.csv')
    assert float(rows[-1]['loss']) < 0.7 * float(rows[0]['loss']), rows


def test_learns_from_nothing(folder):
    args = [PHOTOS, '-a', folder / 'anything.json', '-r', 'yolox', '-o', folder / 'g.onnx', '--size',
            128, '--batch', 4, '--epochs', 150, '-d', 'cpu:2', '--augment', 'none',
            '--valid-annotations', folder / 'anything.json', '--valid-images', PHOTOS]
    subprocess.run(train(*args), check=True)
    assert float(rows_of(folder / 'g.onnx.csv')[-1]['ap50']) > 40, rows_of(folder / 'g.onnx.csv')
    done = subprocess.run([FOVEA, 'doctor', folder / 'g.onnx'], capture_output=True, text=True, check=True)
    assert 'yolox' in done.stdout and 'names: anything' in done.stdout, done.stdout


def test_preview(folder):
    """The command of a run, with --preview: what it would learn from."""
    sheet = folder / 'look.png'
    subprocess.run(train(*common(folder, folder / 'h.onnx'), '--preview', sheet), check=True)
    assert sheet.stat().st_size > 10000 and not (folder / 'h.onnx').exists()


def test_augments_on_vulkan(folder):
    """Pictures are changed where the network learns; the same seed gives the same bytes."""
    done = subprocess.run([FOVEA, 'info'], capture_output=True, text=True, check=False)
    if 'vulkan' not in done.stdout:
        return
    models = []
    for name in ('h.onnx', 'i.onnx'):
        args = [PHOTOS, '-a', folder / 'few.json', '-m', MODEL, '-o', folder / name, '--size', 96,
                '--batch', 4, '--epochs', 16, '-d', 'vulkan', '--learning-rate', '2e-4',
                '--augment', 'light,noise=8,clahe=0.5,mosaic=0.3', '--validation', 0]
        done = subprocess.run(train(*args), capture_output=True, text=True, check=True,
                              env=os.environ | {'FOVEA_VALIDATION': '1', 'G_MESSAGES_DEBUG': 'Fovea'})
        for bad in ('the host does', 'on the host', 'VUID'):
            assert bad not in done.stdout + done.stderr, done
        models.append((folder / name).read_bytes())
    assert models[0] == models[1]
    losses = [float(r['loss']) for r in rows_of(folder / 'h.onnx.csv')]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5]), losses


def fails(args, text):
    done = subprocess.run(train(*args), capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2) and text in done.stderr and done.stderr.count('\n') == 1, done


def test_errors(folder):
    few, out = folder / 'few.json', folder / 'f.onnx'
    fails([few, '-i', PHOTOS, '-o', out], 'expected --model')
    fails([few, '-i', PHOTOS, '-m', MODEL, '-o', out, '--freeze', 'half'], "--freeze is 'half'")
    fails([few, '-i', PHOTOS, '-m', MODEL, '-o', out, '--head', 'big'], "--head is 'big'")
    fails([folder / 'nowhere', '-a', few, '-m', MODEL, '-o', out], 'no such file or folder')
    fails([PHOTOS, '-m', MODEL, '-o', out], 'boxes are a file (--annotations)')
    fails([folder / 'anything.json', '-i', PHOTOS, '-m', MODEL, '-o', out, '--head', 'keep'],
          'expected --head new')
    fails([few, '-a', few, '-m', MODEL, '-o', out], 'expected one')
    fails([PHOTOS, '-a', few, '-m', MODEL, '-o', out, '--head', 'new', '--size', 100],
          f'at --size 100, which not every model can take: {MODEL} with new classes: node')
    fails([PHOTOS, '-a', few, '-r', 'yolox', '-o', out, '--freeze', 'to=x'], "recipe yolox: there is no node")
    fails([folder / 'no.json', '-m', MODEL, '-o', out], 'no.json')
    fails([few, '-i', folder, '-m', MODEL, '-o', out], '.jpg')
    fails([few, '-i', PHOTOS, '-m', DATA / 'models/classify/squeezenet1.1.onnx', '-o', out],
          'no detector')


def test_orientation(folder):
    """A photo that lies on its side is learned and measured upright, where annotations see it."""
    few = json.loads((folder / 'few.json').read_text())
    (folder / 'held').mkdir()
    for image in few['images']:
        photo = (PHOTOS / image['file_name']).read_bytes()
        exif = bytes.fromhex('ffd8 ffe1 0022 457869660000 4d4d002a00000008'
                             '0001 01120003000000010006 0000 00000000')
        (folder / 'held' / image['file_name']).write_bytes(exif + photo[2:])
    args = common(folder, folder / 'held.onnx', epochs=1)
    fails([folder / 'held', *args[1:]], 'its annotations are for')
    fails([*args, '--valid-images', folder / 'held'], 'its annotations are for')
    for image in few['images']:
        image['width'], image['height'] = image['height'], image['width']
    (folder / 'held.json').write_text(json.dumps(few))
    args = common(folder, folder / 'held.onnx', epochs=1, annotations='held.json')
    subprocess.run(train(folder / 'held', *args[1:], '--valid-images', folder / 'held'), check=True)


def test_damaged(folder):
    """A photo that is cut off is no plain green to learn, to measure or to show."""
    photos, few = folder / 'photos', json.loads((folder / 'few.json').read_text())
    photos.mkdir()
    for i, image in enumerate(few['images']):
        photo = (PHOTOS / image['file_name']).read_bytes()
        (photos / image['file_name']).write_bytes(photo[:3000 if i == 3 else None])
    cut, out = few['images'][3]['file_name'], folder / 'cut.onnx'
    args = common(folder, out, epochs=1)
    fails([photos, *args[1:]], cut)
    assert not out.exists()
    fails([*args, '--valid-images', photos], cut)
    fails([photos, *args[1:], '--preview', folder / 'cut.png'], cut)
    assert not (folder / 'cut.png').exists()


def test_parts(folder):
    """What a YOLO set keeps in images/val is measured on and not learned."""
    root = folder / 'yolo'
    for part, photo in (('train', 0), ('val', 1), ('test', 2)):
        image = json.loads((folder / 'few.json').read_text())['images'][photo]['file_name']
        (root / 'images' / part).mkdir(parents=True)
        (root / 'labels' / part).mkdir(parents=True)
        (root / 'images' / part / image).symlink_to(PHOTOS / image)
        text = '0 0.5 0.5 0.5 0.5\n' if part != 'test' else '0 broken\n'
        (root / 'labels' / part / f'{image[:-4]}.txt').write_text(text)
    (root / 'classes.txt').write_text('person\n')
    args = [root, '-m', MODEL, '-o', folder / 'j.onnx', '--size', 96, '--epochs', 1, '--batch', 1]
    subprocess.run(train(*args), check=True)
    assert rows_of(folder / 'j.onnx.csv')[0]['step'] == '1', rows_of(folder / 'j.onnx.csv')
    assert rows_of(folder / 'j.onnx.csv')[0]['ap'] != 'nan'
    fails([*args, '--learning-rate', '1e3', '--epochs', 100], '(pictures of this step: 0 ')


def test_labels_not_found(folder):
    """Pictures whose label files are called otherwise have no objects, and would unlearn theirs."""
    root = folder / 'amiss'
    (root / 'images').mkdir(parents=True)
    (root / 'labels').mkdir()
    (root / 'classes.txt').write_text('person\nforklift\n')
    names = [i['file_name'] for i in json.loads((folder / 'few.json').read_text())['images']]
    for name in names:
        (root / 'images' / name).symlink_to(PHOTOS / name)
    out = folder / 'k.onnx'
    args = [root, '-m', MODEL, '-o', out, '--size', 96, '--epochs', 1, '--batch', 1]
    stem = names[0][:-4]
    fails(args, f"labels/{stem}.txt', which is not there")
    for name in names:
        (root / 'labels' / f'{name}.txt').write_text('0 0.5 0.5 0.5 0.5\n')
    fails(args, f"4 label files belong to no picture, as '{root}/labels/{sorted(names)[0]}.txt'")
    (root / 'labels' / f'{stem}.txt').write_text('\n')
    fails([*args, '--max-images', 1, '--validation', 0], f"{stem}.txt', which names none")
    for name in names[:2]:
        (root / 'labels' / f'{name}.txt').rename(root / 'labels' / f'{name[:-4]}.txt')
    done = subprocess.run(train(*args), capture_output=True, text=True, check=True).stderr
    assert '2 of 4 pictures have no label file' in done and '2 label files belong to' in done, done
    assert "no object is of 'forklift', which the model does not know" in done, done
    few = json.loads((folder / 'few.json').read_text())
    for a in few['annotations']:
        a['bbox'][2] = 0
    (folder / 'flat.json').write_text(json.dumps(few))
    fails([PHOTOS, '-a', folder / 'flat.json', *args[1:]],
          'pictures to learn from; expected boxes with an area')


def write_crowd(folder, n, largest):
    """The first photo, with the largest of n boxes."""
    few = json.loads((folder / 'few.json').read_text())
    image, category = few['images'][0], few['categories'][0]['id']
    boxes = [[10 * (i % 40), 9 * (i // 40), 8 + i % 3, 7 + i / n] for i in range(n)]
    boxes.sort(key=lambda b: -b[2] * b[3])
    few['images'] = [image]
    few['annotations'] = [{'image_id': image['id'], 'category_id': category, 'bbox': b}
                          for b in boxes[:largest]]
    (folder / 'crowd.json').write_text(json.dumps(few))
    return image['file_name']


def test_many_objects(folder):
    """All of a crowd are learned, not the largest alone; beyond what can be it is told."""
    curves = []
    args = [PHOTOS, '-a', folder / 'crowd.json', '-m', MODEL, '-o', folder / 'l.onnx', '--size', 256,
            '--epochs', 1, '--batch', 1, '--augment', 'none', '--validation', 0]
    for largest in (130, 200):
        write_crowd(folder, 200, largest)
        done = subprocess.run(train(*args), capture_output=True, text=True, check=True)
        curves.append((folder / 'l.onnx.csv').read_text())
        assert not done.stderr, done.stderr
    assert curves[0] != curves[1]
    name = write_crowd(folder, 1100, 1100)
    done = subprocess.run(train(*args), capture_output=True, text=True, check=True)
    assert f'{name}: 1100 objects' in done.stderr and 'the 999 largest' in done.stderr, done.stderr


def write_classes(folder, name, *classes):
    """few.json's boxes, given to these classes in turn."""
    data = json.loads((folder / 'few.json').read_text())
    data['categories'] = [{'id': i + 1, 'name': c} for i, c in enumerate(classes)]
    for i, a in enumerate(data['annotations']):
        a['category_id'] = i % len(classes) + 1
    (folder / name).write_text(json.dumps(data))


def test_names(folder):
    """Classes are what they are called: nothing is learned as background unsaid."""
    out = folder / 'h.onnx'
    quote, other = "driver's mate", 'a "b" \\ c'
    write_classes(folder, 'quote.json', quote, other)
    args = common(folder, out, annotations='quote.json', epochs=2)
    subprocess.run(train(*args), check=True)
    assert (folder / 'h.labels').read_text() == f'{quote}\n{other}\n'
    done = subprocess.run([FOVEA, 'doctor', out], capture_output=True, text=True, check=True)
    assert quote in done.stdout and other in done.stdout, done.stdout
    write_classes(folder, 'fork.json', 'forklift', 'pallet')
    again = common(folder, folder / 'i.onnx', annotations='fork.json', epochs=1)
    again[again.index(MODEL)] = out
    fails([*again, '--head', 'keep'], "none of their classes, 'forklift', 'pallet'")
    subprocess.run(train(*again), check=True)
    assert (folder / 'i.labels').read_text() == 'forklift\npallet\n'
    write_classes(folder, 'twice.json', 'bolt', 'Bolt ')
    fails(common(folder, out, annotations='twice.json'), "both called 'Bolt'")
    write_classes(folder, 'some.json', 'person', 'forklift')
    done = subprocess.run(train(*common(folder, folder / 'i.onnx', annotations='some.json', epochs=1),
                                '--head', 'keep'), capture_output=True, text=True, check=True)
    assert "does not know 'forklift'" in done.stderr, done.stderr


def test_output_is_kept(folder):
    """FILE may be the only copy of what it holds, and its checkpoint another run's."""
    out = folder / 'h.onnx'
    before = out.read_bytes()
    data = json.loads((folder / 'quote.json').read_text())
    data['images'][2]['file_name'] = 'nowhere.jpg'
    (folder / 'lost.json').write_text(json.dumps(data))
    fails([*common(folder, out, annotations='lost.json'), '--head', 'new'], "nowhere.jpg' (")
    fails([*common(folder, out, annotations='fork.json', epochs=2), '--resume'],
          'made with classes whose digest')
    fails([*common(folder, out, annotations='quote.json', epochs=2)[:-1], '1e-3', '--resume'],
          'made with --learning-rate 0.0002, not 0.001')
    assert out.read_bytes() == before
    assert not list(folder.glob('*.start.onnx')) and not list(folder.glob('*.try'))
    out.unlink()
    (folder / 'h.onnx.safetensors').write_bytes(b'damaged')
    subprocess.run(train(*common(folder, out, annotations='quote.json', epochs=2), '--resume'),
                   check=True, capture_output=True)
    assert out.read_bytes() == before
    assert (folder / 'h.onnx.safetensors.damaged').read_bytes() == b'damaged'


def test_in_place(folder):
    """FILE is the model too: killed after its head is another, the run ends as an unbroken one."""
    runs = []
    for name in 'whole.onnx', 'killed.onnx':
        out = folder / name
        out.write_bytes((folder / 'h.onnx').read_bytes())
        out.with_suffix('.labels').write_bytes((folder / 'h.labels').read_bytes())
        args = common(folder, out, annotations='fork.json', epochs=4)
        args[args.index(MODEL)] = out
        runs.append(args)
    subprocess.run(train(*runs[0]), check=True)
    with subprocess.Popen(train(*runs[1])) as process:
        while process.poll() is None and not (folder / 'killed.onnx.safetensors.1').exists():
            time.sleep(0.02)
        process.kill()
    assert (folder / 'killed.labels').read_text() == 'forklift\npallet\n'
    for _ in range(2):  # the second has nothing left to do
        subprocess.run(train(*runs[1], '--resume'), check=True)
        assert (folder / 'killed.onnx').read_bytes() == (folder / 'whole.onnx').read_bytes()
    assert (folder / 'killed.onnx.before.onnx').read_bytes() == (folder / 'h.onnx').read_bytes()
    (folder / 'killed.onnx.before.onnx').unlink()
    fails([*runs[1], '--resume'], 'there is no ')


def main():
    if not MODEL.exists() or not PHOTOS.exists():
        print('1..0 # SKIP no yolox_nano.onnx or coco/train128 in FOVEA_TEST_DATA')
        return
    tests = [test_learns, test_same_bytes_with_other_threads, test_goes_on_after_kill,
             test_new_classes, test_frozen_backbone_learns_too, test_learns_from_nothing,
             test_preview, test_augments_on_vulkan, test_errors, test_orientation,
             test_damaged, test_names, test_output_is_kept, test_in_place, test_parts,
             test_labels_not_found, test_many_objects]
    print(f'1..{len(tests)}', flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_annotations(folder)
        for i, test in enumerate(tests, 1):
            start = time.monotonic()
            test(folder)
            print(f'ok {i} - {test.__name__} # {time.monotonic() - start:.1f} s', flush=True)


main()
