#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fovea command as its users meet it.

tools.py FOVEA [WORD...]  runs the tests whose names begin with a WORD (or all), prints TAP.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import wire  # noqa: E402

FOVEA = sys.argv[1]
DATA = os.environ.get('FOVEA_TEST_DATA')
DEVICE = 'cpu'
COMMANDS = ['detect', 'track', 'info', 'doctor', 'bench', 'eval coco', 'eval mot', 'eval sot', 'train']


class Skip(Exception):
    pass


def fovea(*args, timeout=300, **kwargs):
    env = dict(os.environ, LC_ALL='C.UTF-8')
    return subprocess.run([FOVEA, *map(str, args)], capture_output=True, text=True, env=env,
                          timeout=timeout, **kwargs)


def expect(condition, *what):
    if not condition:
        raise AssertionError(' '.join(map(str, what)))


def done(*args, **kwargs):
    """Runs and expects success; returns the standard output."""
    run = fovea(*args, **kwargs)
    expect(run.returncode == 0, args, 'exit', run.returncode, run.stderr)
    return run.stdout


def fails(status, text, *args):
    """Expects that exit status, and one line with text on the standard error."""
    run = fovea(*args)
    expect(run.returncode == status, args, 'exit', run.returncode, 'expected', status, run.stderr)
    lines = run.stderr.strip().split('\n')
    expect(len(lines) == 1 and lines[0].startswith('fovea'), args, 'said', run.stderr)
    expect(text in lines[0], args, 'said', lines[0], 'without', text)


def data(path):
    if not DATA:
        raise Skip('FOVEA_TEST_DATA is not set')
    return pathlib.Path(DATA) / path


def yolox():
    return data('models/detect/yolox_nano.onnx')


def write_tiny(folder, dims=(1, 3, 16, 16), name='tiny.onnx'):
    path = folder / name
    path.write_bytes(wire.model([wire.node('Relu', 'x', 'y')], [], [('x', dims)], [('y', dims)]))
    return path


# ---- help and usage ---------------------------------------------------------------


def help_of_all_commands(folder):
    text = done('--help')
    for name in COMMANDS:
        expect(f'  {name}' in text, 'no', name, 'in', text)
        for words in ([*name.split(), '--help'], ['help', *name.split()], [*name.split(), '-h']):
            text_of = done(*words)
            expect(text_of.startswith(f'Usage: fovea {name} '), words, text_of)
            expect('Examples:\n  fovea ' + name in text_of, words, 'shows no example')
            wide = [line for line in text_of.split('\n')
                    if len(line) > 80 and not line.startswith('  fovea')]
            expect(not wide, words, 'has wide lines', wide)
    expect(done('--version').startswith('fovea '), 'version')


def help_documents(folder):
    man = done('--man')
    bash = done('--bash-completion')
    for name in COMMANDS:
        expect(f'.SS "fovea {name} ' in man, 'no', name, 'in the manual page')
        for line in done(*name.split(), '--help').split('\n'):
            word = line.split('--', 1)[1].split()[0] if line.lstrip().startswith('-') else ''
            if word and word != 'help':
                expect('\\-\\-' + word.replace('-', '\\-') in man, word, 'is not in the manual')
                expect('--' + word in bash, word, 'is not in the completion')
    subprocess.run(['bash', '-n'], input=bash, text=True, check=True)


USAGE = [
    # arguments, what is said
    (['dtect'], "did you mean 'detect'?"),
    (['xyzzy'], "unknown command 'xyzzy'"),
    (['--vesion'], "did you mean '--version'?"),
    (['detect', '--treshold', '1'], "did you mean '--threshold'?"),
    (['detect'], 'INPUT is missing'),
    (['detect', 'a.mp4'], '--model is missing'),
    (['detect', 'a.mp4', '--json'], 'missing argument for --json'),
    (['detect', 'a.mp4', '-m', 'm', '--threshold', '2'], '--threshold is 2, expected 0 to 1'),
    (['detect', 'a.mp4', '-m', 'm', '--threshold', '-1'], '--threshold is -1, expected 0 to 1'),
    (['detect', 'a.mp4', '-m', 'm', '--batch', '65'], '--batch is 65, expected 1 to 64'),
    (['detect', 'a.mp4', '-m', 'm', '--every', 'x'], '--every'),
    (['detect', __file__, '-m', 'm', '--fit', 'no'], "--fit is 'no', expected one of letterbox"),
    (['detect', __file__, '-m', 'm', '--mean', '1,2'], "--mean is '1,2', expected one number"),
    (['detect', __file__, '-m', 'm', '--size', '64'], "--size is '64', expected WIDTHxHEIGHT"),
    (['detect', __file__, '-m', 'm', '--decoder', 'no'], "--decoder is 'no', expected one of"),
    (['track'], 'INPUT is missing'),
    (['track', __file__], '--model is missing'),
    (['track', __file__, '--tracker', 'no'], "--tracker is 'no', expected one of "),
    (['track', __file__, '--preset', 'no'], "--preset is 'no', expected one of crowd"),
    (['track', __file__, '--visual', 'no'], "--visual is 'no', expected one of none"),
    (['track', __file__, '--tracker', 'bytetrack', '--visual', 'dcf'],
     '--visual has no effect on --tracker bytetrack'),
    (['track', __file__, '--tracker', 'sort', '-e', 'm'],
     '--embedding-model has no effect on --tracker sort'),
    (['track', __file__, '--tracker', 'bytetrack', '--set', 'hihg-score=1'],
     "did you mean 'high-score'?"),
    (['track', __file__, '--tracker', 'bytetrack', '--set', 'xyzzy=1'], '--numbers lists them'),
    (['track', __file__, '--tracker', 'bytetrack', '--set', 'high-score=2'],
     "'high-score=2', expected high-score=a number from 0 to 1"),
    (['track', __file__, '--tracker', 'bytetrack', '--set', 'high-score=x'], 'expected high-score='),
    (['track', __file__, '--tracker', 'ocsort', '--set', 'delta=1.5'], 'a whole number from 1'),
    (['track', __file__, '--tracker', 'sort', '--ground', 'f'],
     '--ground has no effect on --tracker sort'),
    (['track', 'a', '--init', '1,2,3,4', '--ground', 'f'], '--ground has no effect on --init'),
    (['track', 'a', '--init', '1,2,3,4', '--every', '5'], '--every has no effect on --init'),
    (['track', 'a', '--init', '1,2,3,4', '--tracker', 'sort'], '--tracker has no effect on --init'),
    (['track', 'a', '--init', '1,2,3,4', '-t', '0.3'], '--threshold has no effect on --init'),
    (['track', __file__, '--backbone', 'b'], '--backbone and --head need --visual siamese'),
    (['track', __file__, '--init', '1,2,3'], "--init is '1,2,3', expected X,Y,W,H in pixels"),
    (['track', __file__, '--init', '1,2,0,4'], "--init is '1,2,0,4', expected X,Y,W,H"),
    (['track', 'a', 'b', '--init', '1,2,3,4'], '--init takes one INPUT'),
    (['track', 'a', '-m', 'm', '--init', '1,2,3,4'], '--init needs no --model'),
    (['track', 'a', '--init', '1,2,3,4', '--visual', 'none'], '--init needs --visual dcf'),
    (['track', 'a', 'b', '-m', 'm', '--mot', 'f'], '--mot takes one INPUT'),
    (['track', 'a', '-m', 'm', '--every', '2', '-b', '2'], '--every and --batch exclude'),
    (['info', 'x'], "'x' is too much"),
    (['info', '--steps'], '--steps needs a --model'),
    (['doctor'], 'MODEL is missing'),
    (['doctor', 'm', '-o', 'x.png'], '--output needs an IMAGE'),
    (['bench'], '--model is missing'),
    (['bench', '-m', 'm', '--runs', '0'], '--runs is 0'),
    (['eval'], 'nothing given, expected one of coco, mot, sot'),
    (['eval', 'voc'], "'voc' is not known, expected one of coco, mot, sot"),
    (['eval', 'coco'], '--annotations is missing'),
    (['eval', 'coco', '-a', 'a', '-m', 'm'], '--images is missing'),
]


def usage_errors(folder):
    for args, text in USAGE:
        fails(2, text, *args)
    expect(fovea().returncode == 2, 'no arguments')


def missing_files(folder):
    nowhere = folder / 'nowhere'
    tiny = write_tiny(folder)
    fails(1, 'nowhere', 'info', '-m', nowhere)
    fails(1, 'nowhere', 'bench', '-m', nowhere)
    fails(1, 'nowhere', 'doctor', nowhere)
    fails(1, 'nowhere', 'detect', nowhere, '-m', tiny, '-d', DEVICE)
    fails(1, 'nowhere', 'eval', 'coco', '-a', nowhere, '--detections', nowhere)
    fails(1, "device 'foo' is not known", 'info', '-m', tiny, '-d', 'foo')


# ---- info and bench ---------------------------------------------------------------


def info_of_devices(folder):
    info = json.loads(done('info', '--json'))
    expect('cpu' in [d['device'] for d in info['devices']], info)


def info_of_a_model(folder):
    tiny = write_tiny(folder)
    text = done('info', '-m', tiny, '-d', DEVICE, '--steps')
    for word in ('float32 1x3x16x16', 'Relu 1', 'GFLOP', 'weights', 'activations'):
        expect(word in text, 'no', word, 'in', text)
    info = json.loads(done('info', '-m', tiny, '-d', DEVICE, '--steps', '--json'))
    expect(info['inputs'][0]['shape'] == [1, 3, 16, 16], info)
    expect(info['steps'][0]['op'] == 'Relu' and info['precision'] == 'fp32', info)


def info_of_free_sizes(folder):
    free = write_tiny(folder, (-1, 3, -1, -1), 'free.onnx')
    fails(2, 'expected --size WxH', 'info', '-m', free, '-d', DEVICE)
    text = done('info', '-m', free, '-d', DEVICE, '--size', '64x32', '--batch', '2')
    expect('2x3x32x64' in text, text)


BENCH_KEYS = ['model', 'device', 'device_name', 'precision', 'cold_start_ms', 'warm_start_ms',
              'median_ms', 'p95_ms', 'min_ms', 'runs', 'gflop', 'gflops', 'peak_percent']


def bench_as_json(folder):
    tiny = write_tiny(folder)
    out = done('bench', '-m', tiny, '-d', 'cpu', '-d', 'cpu:1', '--runs', '7', '--steps', '--json')
    lines = [json.loads(line) for line in out.strip().split('\n')]
    expect([line['device'] for line in lines] == ['cpu', 'cpu:1'], out)
    for line in lines:
        expect(set(BENCH_KEYS) <= set(line), 'keys are', sorted(line))
        expect(line['runs'] == 7 and len(line['steps']) >= 1, line)
        expect(0 < line['min_ms'] <= line['median_ms'] <= line['p95_ms'], line)


def bench_as_table(folder):
    tiny = write_tiny(folder)
    rows = done('bench', '-m', tiny, '-d', 'reference', '--runs', '3').strip().split('\n')
    expect(len(rows) == 2 and 'median ms' in rows[0] and rows[1].startswith('tiny.onnx'), rows)


# ---- eval -------------------------------------------------------------------------


def write_coco(folder, names=('person', 'car')):
    boxes = [(10, 10, 50, 40), (70, 20, 30, 90)]
    truth = {
        'images': [{'id': 7, 'file_name': '7.jpg', 'width': 200, 'height': 150}],
        'categories': [{'id': 3 + i, 'name': name} for i, name in enumerate(names)],
        'annotations': [{'id': i, 'image_id': 7, 'category_id': 3 + i, 'bbox': box, 'iscrowd': 0,
                         'area': box[2] * box[3]} for i, box in enumerate(boxes)],
    }
    found = [{'image_id': 7, 'category_id': 3 + i, 'bbox': box, 'score': 0.9}
             for i, box in enumerate(boxes)]
    (folder / 'truth.json').write_text(json.dumps(truth))
    (folder / 'found.json').write_text(json.dumps(found))
    return truth, found


def score(folder, *args):
    return done('eval', 'coco', '-a', folder / 'truth.json', '--detections', folder / 'found.json',
                *args)


def eval_of_results(folder):
    truth, found = write_coco(folder)
    expect(score(folder).endswith('\nAP 100.00 AP50 100.00\n'), score(folder))
    expect('person' in score(folder, '--per-class'), 'per class')
    found[0]['bbox'] = (100, 100, 5, 5)
    (folder / 'found.json').write_text(json.dumps(found))
    expect(score(folder).endswith('\nAP 50.00 AP50 50.00\n'), score(folder))
    result = json.loads(score(folder, '--json', '--per-class'))
    expect(result['ap'] == 50 and [c['ap50'] for c in result['per_class']] == [0, 100], result)


DAMAGE = [
    # what becomes of the two files, what is said
    (lambda t, f: t.pop('images'), 'there is no list "images"'),
    (lambda t, f: t['annotations'][1].pop('bbox'), 'annotations[1]: "bbox"'),
    (lambda t, f: t['annotations'][0].update(category_id='x'), 'annotations[0]: "category_id"'),
    (lambda t, f: t['images'].append(3), 'images[1]: expected an object'),
    (lambda t, f: f[1].pop('score'), 'detections[1]: "score"'),
    (lambda t, f: f[0].update(bbox=[1, 2, None, 4]), 'detections[0]: "bbox"'),
]


def eval_of_damaged_files(folder):
    for damage, text in DAMAGE:
        truth, found = write_coco(folder)
        damage(truth, found)
        (folder / 'truth.json').write_text(json.dumps(truth))
        (folder / 'found.json').write_text(json.dumps(found))
        fails(1, text, 'eval', 'coco', '-a', folder / 'truth.json', '--detections',
              folder / 'found.json')
    (folder / 'truth.json').write_text('{"images": [')
    fails(1, 'truth.json', 'eval', 'coco', '-a', folder / 'truth.json', '--detections',
          folder / 'found.json')


def eval_of_a_model(folder):
    coco = data('coco')
    args = ['eval', 'coco', '-m', yolox(), '-d', DEVICE, '-i', coco / 'val64', '-a',
            coco / 'instances_val64.json', '-q']
    saved = folder / 'saved.json'
    words = done(*args, '--save-detections', saved).strip().split('\n')[-1].split()
    expect(words[0] == 'AP' and words[2] == 'AP50', words)
    # What the same pictures give through ONNX Runtime.
    expect(abs(float(words[1]) - 36.8) < 0.2 and abs(float(words[3]) - 51.7) < 0.2, words)
    again = done('eval', 'coco', '-a', coco / 'instances_val64.json', '--detections', saved)
    expect(again.strip().split('\n')[-1].split()[1] == words[1], again)


# ---- detect and doctor --------------------------------------------------------------


def labels_of(line):
    return [o['detection']['label'] for o in line['objects']]


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def detect_on_a_picture(folder):
    picture = data('images/bus.jpg')
    out, lines = folder / 'bus.png', folder / 'bus.jsonl'
    text = done('detect', picture, '-m', yolox(), '-d', DEVICE, '-o', out, '--json', lines)
    line, = read_lines(lines)
    expect(labels_of(line).count('person') >= 3 and 'bus' in labels_of(line), line)
    expect(line['resolution'] == {'height': 1080, 'width': 810}, line)
    expect(line['source'] == str(picture) and line['timestamp'] == 0, line)
    for o in line['objects']:
        box = o['detection']['bounding_box']
        expect(0 <= box['x_min'] < box['x_max'] <= 1 and 0 <= box['y_min'] < box['y_max'] <= 1, o)
        expect(abs(box['x_min'] * 810 - o['x']) <= 1 and o['roi_type'] == o['detection']['label'], o)
    expect(out.read_bytes()[1:4] == b'PNG', 'the picture')
    for word in ('device', 'speed', 'latency', 'person'):
        expect(word in text, 'no', word, 'in', text)
    table = done('detect', picture, '-m', yolox(), '-d', DEVICE).split('\n')
    expect(table[0].split() == ['label', 'score', 'x1', 'y1', 'x2', 'y2'], table)


def detect_on_a_video(folder):
    video = data('video/vtest.avi')
    out, lines = folder / 'out.mp4', folder / 'out.jsonl'
    text = done('detect', video, '-m', yolox(), '-d', DEVICE, '-o', out, '-j', lines,
                '--max-frames', '12', '--every', '3')
    found = read_lines(lines)
    expect([line['timestamp'] for line in found] == [0, 300000000, 600000000, 900000000], found)
    expect(any('person' in labels_of(line) for line in found), found)
    expect('12, looked at 4' in text and out.stat().st_size > 1000, text)
    again = done('detect', out, '-m', yolox(), '-d', DEVICE, '--quiet')
    expect(len(again.strip().split('\n')) == 12, again)


def detect_on_many_pictures(folder):
    pictures = [data('images/bus.jpg'), data('images/zidane.jpg')]
    fails(1, 'batch is 2', 'detect', pictures[0], '-m', yolox(), '-d', DEVICE, '-b', '2')
    marked, series = folder / 'marked', folder / 'series-%02d.png'
    done('detect', data('images') / '*.jpg', '-m', yolox(), '-d', DEVICE, '-o', f'{marked}/')
    expect(sorted(p.name for p in marked.iterdir()) == ['bus.jpg', 'zidane.jpg'], 'the folder')
    done('detect', *pictures, '-m', yolox(), '-d', DEVICE, '-o', series)
    expect((folder / 'series-00.png').exists() and (folder / 'series-01.png').exists(), 'a series')
    lines = folder / 'both.jsonl'
    done('detect', *pictures, '-m', yolox(), '-d', DEVICE, '-j', lines, '-q')
    expect([line['source'] for line in read_lines(lines)] == list(map(str, pictures)), 'sources')


def detect_says_what_is_wrong(folder):
    model, picture, video = yolox(), data('images/bus.jpg'), data('video/vtest.avi')
    damaged = folder / 'damaged.mp4'
    damaged.write_bytes(bytes(i * 37 & 255 for i in range(5000)))
    mine = folder / 'mine.jpg'
    mine.write_bytes(picture.read_bytes())
    base = ['-m', model, '-d', DEVICE, '-q']
    fails(1, 'damaged.mp4', 'detect', damaged, *base)
    fails(1, 'it is the input itself', 'detect', mine, *base, '-o', mine)
    fails(1, 'it is the input itself', 'detect', mine, *base, '-o', folder)
    fails(2, 'is one picture', 'detect', video, *base, '-o', folder / 'one.png')
    fails(2, 'is one picture', 'detect', picture, mine, *base, '-o', folder / 'one.png')
    fails(2, 'expected one number', 'detect', picture, *base, '-o', folder / '%s.png')
    fails(1, 'No such file', 'detect', video, *base, '-o', folder / 'no/where.mp4')
    fails(1, 'No space left', 'detect', video, *base, '--max-frames', '2', '-j', '/dev/full')
    expect(mine.read_bytes() == picture.read_bytes(), 'the input was written over')


def detect_finishes_its_files(folder):
    lines = folder / 'lines.jsonl'
    run = subprocess.Popen([FOVEA, 'detect', data('video/vtest.avi'), '-m', yolox(), '-d', DEVICE,
                            '-j', lines, '-o', folder / 'cut.mp4', '-q'])
    for _ in range(600):
        if lines.exists() and lines.stat().st_size:
            break
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    expect(run.wait(60) == 130, 'exit', run.returncode)
    n = len(read_lines(lines))
    shown = done('detect', folder / 'cut.mp4', '-m', yolox(), '-d', DEVICE, '-q', '--max-frames', '3')
    expect(n > 0 and shown, 'the files are not whole')


def sure_ids(line):
    return {o['id'] for o in line['objects'] if 'id' in o}


def iou(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def track_numbers(folder):
    table = done('track', '--numbers', '--tracker', 'bytetrack').split('\n')
    expect(any(row.startswith('high-score') for row in table), table)
    crowd = done('track', '--numbers', '--tracker', 'bytetrack', '--preset', 'crowd')
    expect('max-age' in crowd, crowd)


def track_on_a_video(folder):
    video = data('video/vtest.avi')
    out, lines, mot = folder / 'out.mp4', folder / 'out.jsonl', folder / 'out.txt'
    args = ['track', video, '-m', yolox(), '-d', DEVICE, '--tracker', 'bytetrack', '--class',
            'person', '--max-frames', '40', '--every', '2', '-j', lines, '--mot', mot]
    text = done(*args, '-o', out)
    found = read_lines(lines)
    expect(len(found) == 40, 'each frame has its line, looked at or not', len(found))
    for word in ('40, looked at 20', 'detection  p50', 'ms a frame', 'tracks ', 'mean length',
                 'changes    confirmed'):
        expect(word in text, 'no', word, 'in', text)
    sure = list(map(sure_ids, found))
    n, total = len(set.union(*sure)), sum(map(len, sure))
    expect(f'tracks     {n}, mean length {total / n:.1f} frames' in text, n, total, text)
    # The walkers in the middle are there all the time, and stay who they are.
    always = set.intersection(*map(sure_ids, found[10:]))
    expect(len(always) >= 2, 'no one is followed through', found[10])
    for line in found:
        for o in line['objects']:
            expect('track' in o and o['track']['state'] in ('tentative', 'confirmed', 'occluded',
                                                            'lost', 'recovered'), o)
            expect(o['detection']['label'] == 'person', o)
    rows = [row.split(',') for row in mot.read_text().splitlines()]
    expect(rows and all(len(row) == 10 for row in rows), rows[:1])
    expect({int(row[1]) for row in rows if int(row[0]) == 30} <= sure_ids(found[29]), 'MOT')
    shown = done('detect', out, '-m', yolox(), '-d', DEVICE, '-q', '--max-frames', '2')
    expect(len(shown.strip().split('\n')) == 2, shown)
    first = lines.read_text()
    done(*args)
    expect(lines.read_text() == first, 'the same run says something else')


def track_prints(folder):
    video = data('video/vtest.avi')
    text = done('track', video, '-m', yolox(), '-d', DEVICE, '--max-frames', '6', '-q')
    lines = text.strip().split('\n')
    expect(len(lines) == 6 and 'person #' in lines[-1], text)
    said = done('track', video, '-m', yolox(), '-d', DEVICE, '--max-frames', '6', '--set',
                'max-age=1', '-o', f'{folder}/%02d.png')
    expect((folder / '05.png').exists() and 'wrote' in said, said)


def track_through_another_size(folder):
    """Places in pictures of one size say nothing of the next: identities end and others begin."""
    for i, name in enumerate(['bus', 'bus', 'zidane', 'zidane', 'bus']):
        (folder / f'{i}.jpg').symlink_to(data(f'images/{name}.jpg'))
    lines = folder / 'out.jsonl'
    text = done('track', folder / '*.jpg', '-m', yolox(), '-d', DEVICE, '--class', 'person', '-j',
                lines)
    found = read_lines(lines)
    for k in (0, 2):
        now, then = sure_ids(found[k + 1]), {o['track'].get('id', 0) for o in found[k + 2]['objects']}
        ended = {o['id'] for o in found[k + 2].get('ended', []) if o['reason'] == 'reset'}
        expect(ended == now and not now & then, k, ended, now, then)
    expect(sure_ids(found[1]) and 'recovered' not in lines.read_text(), lines.read_text())
    expect(f'reset {len(sure_ids(found[1]) | sure_ids(found[3]))}\n' in text, text)


def track_above_the_ground(folder):
    video, camera = data('video/vtest.avi'), folder / 'camera.txt'
    args = ['track', video, '-m', yolox(), '-d', DEVICE, '--max-frames', '4', '-q', '--ground',
            camera]
    camera.write_text('RotationMatrices\n1 0 0\n0 0 -1\n0 1 0\nTranslationVectors\n0 2000 0\n')
    fails(1, 'camera.txt: no IntrinsicMatrix', *args)
    camera.write_text(camera.read_text() + 'IntrinsicMatrix\n800 0 384\n0 800 100\n0 0 1\n')
    expect('person #' in done(*args), 'nobody is followed')


def track_one_object(folder):
    sequence = data('track/sot/Crossing')
    truth = [list(map(float, row.split(',')))
             for row in (sequence / 'groundtruth_rect.txt').read_text().split()]
    lines = folder / 'one.jsonl'
    box = ','.join(str(v - (i < 2)) for i, v in enumerate(truth[0]))
    text = done('track', sequence / 'img/*.jpg', '--init', box, '-d', DEVICE, '--max-frames', '60',
                '-j', lines, '-o', folder / 'one.mp4')
    found = read_lines(lines)
    expect(len(found) == 60 and 'frames     60\n' in text and 'seen       in ' in text, text)
    overlaps = []
    for line, (x, y, w, h) in zip(found, truth):
        o, = line['objects']
        expect(o['id'] == 1 and o['roi_type'] == 'object', o)
        overlaps.append(iou((o['x'], o['y'], o['w'], o['h']), (x - 1, y - 1, w, h)))
    expect(sum(overlaps) / len(overlaps) > 0.5, 'lost it', overlaps)
    fails(1, '5000,5000', 'track', sequence / 'img/*.jpg', '--init', '5000,5000,10,10', '-q',
          '-d', DEVICE)


def doctor_of_models(folder):
    text = done('doctor', yolox(), data('images/bus.jpg'), '-d', DEVICE, '-o', folder / 'b.png')
    expect('yolox' in text and 'person' in text and (folder / 'b.png').exists(), text)
    run = fovea('doctor', data('models/classify/squeezenet1.1.onnx'))
    expect(run.returncode == 1 and 'yolox' in run.stdout, run.stdout, run.stderr)
    run = fovea('doctor', write_tiny(folder))
    expect(run.returncode == 1 and run.stdout, run)


TESTS = [
    help_of_all_commands, help_documents, usage_errors, missing_files, info_of_devices,
    info_of_a_model, info_of_free_sizes, bench_as_json, bench_as_table, eval_of_results,
    eval_of_damaged_files, detect_on_a_picture, detect_on_a_video, detect_on_many_pictures,
    detect_says_what_is_wrong, detect_finishes_its_files, track_numbers, track_on_a_video,
    track_prints, track_through_another_size, track_above_the_ground, track_one_object, doctor_of_models,
    eval_of_a_model,
]


def run_test(test):
    with tempfile.TemporaryDirectory() as folder:
        test(pathlib.Path(folder))


def main():
    words = sys.argv[2:]
    # Long ones only where they are asked for by name.
    tests = [t for t in TESTS if (t.__name__ in words if words else t is not eval_of_a_model)]
    failed = 0
    print(f'1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace('_', ' ')
        try:
            run_test(test)
            print(f'ok {number} - {name}', flush=True)
        except Skip as why:
            print(f'ok {number} - {name} # SKIP {why}', flush=True)
        except Exception as error:  # one test's fault is no reason to skip the others
            failed += 1
            text = str(error).replace('\n', '\n# ')
            print(f'not ok {number} - {name}\n# {type(error).__name__}: {text}', flush=True)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
