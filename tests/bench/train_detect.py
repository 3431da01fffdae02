#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What detectors learn: train_detect.py FOVEA WHAT... with FOVEA_TEST_DATA set.

overfit   8 photos of train128, seen again and again: AP50 on the same photos, by network
finetune  yolox_nano on all of train128: AP on val64 before and after. With FOVEA_BENCH_ORT (an npm
          folder with onnxruntime-node) also the AP of the written file in ONNX Runtime.
classes   8 photos, all that is on them one new class: AP50 of a new head
cars      cars from straight above, which yolox_nano does not know: AP50 on the video's later part
          after learning from all labelled frames, and from ten of them (python3-opencv decodes)

It fails where a goal is missed: AP50 95 on what was seen again and again (yolox_nano, nanodet), an AP
not lower by more than a point after fine-tuning, AP50 60 on cars (40 from ten frames).
"""
import csv
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

FOVEA = pathlib.Path(sys.argv[1]).resolve()
DATA = pathlib.Path(os.environ.get('FOVEA_TEST_DATA', '/nowhere'))
COCO, MODELS = DATA / 'coco', DATA / 'models' / 'detect'
if not COCO.exists():
    print('skipped: needs FOVEA_TEST_DATA', file=sys.stderr)
    sys.exit(77)

# network, options; batches of 8, a step an epoch
OVERFIT = [
    ('yolox_nano', ['--size', 256, '--epochs', 150, '--learning-rate', '5e-4']),
    ('nanodet_320', ['--epochs', 60, '--learning-rate', '1e-4']),
    ('yolov8n_640', ['--batch', 4, '--epochs', 10, '--learning-rate', '2e-5']),
]

missed = []  # goals


def goal(what, value, least):
    if value < least:
        missed.append(f'{what}: {value}, expected at least {least}')


def few(folder, categories=None):
    """Annotations of the first 8 photos; with categories all objects are of the first one."""
    full = json.loads((COCO / 'instances_train128.json').read_text())
    ids = {i['id'] for i in full['images'][:8]}
    objects = [a for a in full['annotations'] if a['image_id'] in ids]
    for a in objects if categories else []:
        a['category_id'] = categories[0]['id']
    path = folder / ('few.json' if categories is None else 'new.json')
    path.write_text(json.dumps({'images': full['images'][:8], 'annotations': objects,
                                'categories': categories or full['categories']}))
    return path


def train(out, *args):
    """Rows of the curve, and the processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([FOVEA, 'train', *map(str, args), '-o', out, '-q'], check=True)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    with open(f'{out}.csv', encoding='ascii') as file:
        return list(csv.DictReader(file)), spent


def on_same(path, *args):
    photos = COCO / 'train128'
    return [path, '-i', photos, '--valid-annotations', path, '--valid-images', photos, '--batch', 8,
            '--augment', 'none', *args]


def show(name, rows, spent):
    first = next((r for r in rows if float(r['ap50']) >= 95), None)
    print(f"{name}: loss {float(rows[0]['loss']):.2f} -> {float(rows[-1]['loss']):.2f}, "
          f"AP50 {rows[0]['ap50']} -> {rows[-1]['ap50']} after {rows[-1]['step']} steps"
          f"{' (95 after ' + first['step'] + ')' if first else ''}, {spent:.0f} s of processor time",
          flush=True)


def overfit(folder):
    for name, args in OVERFIT:
        rows, spent = train(folder / 'o.onnx', *on_same(few(folder)), '-m', MODELS / f'{name}.onnx', *args)
        show(name, rows, spent)
        if name != 'yolov8n_640':  # of which ten steps are taken
            goal(name, max(float(r['ap50']) for r in rows), 95)


def classes(folder):
    path = few(folder, [{'id': 1, 'name': 'anything'}])
    for name, rate in (('yolox_nano', '5e-4'), ('nanodet_320', '2e-4'),
                       ('ssd_mobilenetv2_oidv4', '5e-4')):
        show(f'{name}, one new class',
             *train(folder / 'c.onnx', *on_same(path), '-m', MODELS / f'{name}.onnx', '--epochs', 100,
                    '--learning-rate', rate))


def score(model, photos=COCO / 'val64', annotations=COCO / 'instances_val64.json'):
    done = subprocess.run([FOVEA, 'eval', 'coco', '-m', model, '-i', photos, '-a', annotations,
                           '-d', 'cpu', '-q'], capture_output=True, text=True, check=True)
    return done.stdout.strip().split('\n')[-1]


def number(line, name):
    words = line.split()
    return float(words[words.index(name) + 1])


def finetune(folder):
    (folder / 'models' / 'detect').mkdir(parents=True)
    (folder / 'coco').symlink_to(COCO)
    out = folder / 'models' / 'detect' / 'yolox_nano.onnx'
    before = score(MODELS / 'yolox_nano.onnx')
    print('before:', before, flush=True)
    rows, spent = train(out, COCO / 'instances_train128.json', '-i', COCO / 'train128', '-m',
                        MODELS / 'yolox_nano.onnx', '--validation', 0, '--epochs', 5)
    print('loss by epoch:', *(f"{float(r['loss']):.2f}" for r in rows), f'in {spent:.0f} s')
    after = score(out)
    print('after:', after, flush=True)
    goal('the loss falls by', float(rows[0]['loss']) - float(rows[-1]['loss']), 0)
    goal('AP after fine-tuning', number(after, 'AP'), number(before, 'AP') - 1)
    if os.environ.get('FOVEA_BENCH_ORT'):
        subprocess.run(['node', pathlib.Path(__file__).with_name('ort-coco.mjs'), '--fovea', FOVEA,
                        '--data', folder, '--models', 'yolox_nano', '--devices', 'cpu'], check=True)


def cars(folder):
    subprocess.run(['/usr/bin/python3', pathlib.Path(__file__).parents[1] / 'golden' / 'cars.py',
                    DATA / 'video' / 'car-detection.mp4', folder / 'cars'], check=True)
    model = MODELS / 'yolox_nano.onnx'
    later = folder / 'cars' / 'validation', folder / 'cars' / 'validation.json'
    print('before:', score(model, *later), flush=True)
    for name, args in (('train', ['--epochs', 2]), ('train10', ['--epochs', 8, '--batch', 5])):
        rows, spent = train(folder / 'cars.onnx', folder / 'cars' / f'{name}.json', '-i',
                            folder / 'cars' / 'train', '-m', model, '--learning-rate', '2e-4', '--validation', 0, *args)
        found = score(folder / 'cars.onnx', *later)
        print(f"{name}: loss {float(rows[0]['loss']):.2f} -> {float(rows[-1]['loss']):.2f} after "
              f"{rows[-1]['step']} steps, {spent:.0f} s of processor time;", found, flush=True)
        goal(f'cars of {name}', number(found, 'AP50'), 40 if name == 'train10' else 60)


WHAT = {'overfit': overfit, 'finetune': finetune, 'classes': classes, 'cars': cars}

with tempfile.TemporaryDirectory() as place:
    for what in sys.argv[2:] or WHAT:
        WHAT[what](pathlib.Path(place))
if missed:
    sys.exit('\n'.join(missed))
