#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea recalibrate, as its users meet it: recalibrate.py FOVEA

A detector in fog: needs FOVEA_TEST_DATA, and the ffmpeg command to make the fog.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

FOVEA = sys.argv[1]
DATA = pathlib.Path(os.environ.get('FOVEA_TEST_DATA', '/nowhere'))
MODEL = DATA / 'models/detect/yolox_nano.onnx'
REFERENCE = DATA / 'coco/train128'
PHOTOS = DATA / 'coco/val64'
FOG = 'lutrgb=r=170+val/4:g=170+val/4:b=170+val/4'


def run(*args):
    return subprocess.run([FOVEA, *map(str, args)], capture_output=True, text=True, check=False)


def recalibrate(*args):
    done = run('recalibrate', *args, '--device', 'cpu:2', '--quiet')
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


def ap50(model, images):
    done = run('eval', 'coco', '--quiet', '--images', images, '--annotations',
               DATA / 'coco/instances_val64.json', '--model', model, '--device', 'cpu:2')
    assert done.returncode == 0, done
    return float(re.search(r'AP50 ([\d.]+)$', done.stdout).group(1))


def make_fog(folder):
    folder.mkdir()
    for path in sorted(PHOTOS.iterdir()):
        subprocess.run(['ffmpeg', '-v', 'error', '-i', path, '-vf', FOG, '-q:v', '2',
                        folder / path.name], check=True)


def test_fog(folder):
    """What the fog took comes back in part, by forward passes alone."""
    make_fog(folder / 'fog')
    clear = ap50(MODEL, PHOTOS)
    before = ap50(MODEL, folder / 'fog')
    out = json.loads(recalibrate(MODEL, '-r', REFERENCE, '-f', folder / 'fog', '-n', 16, '--json',
                                 '-o', folder / 'fog.onnx'))
    after = ap50(folder / 'fog.onnx', folder / 'fog')
    print(f'# AP50 on 64 photos: clear {clear}, fog {before}, recalibrated {after}')
    assert out['frames'] == 16 and len(out['norms']) == 104, out
    assert out['norms'][0]['stretch'] < 0.6, out['norms'][0]
    assert before < clear - 10 and after > before + 5, (clear, before, after)


def test_same_pictures(folder):
    """Statistics of the reference itself leave the file as it is."""
    recalibrate(MODEL, '-r', REFERENCE, '-f', REFERENCE, '-n', 4, '-o', folder / 'same.onnx')
    assert (folder / 'same.onnx').read_bytes() == MODEL.read_bytes()


def fails(text, *args):
    done = run('recalibrate', *args, '--quiet', '--device', 'cpu:2')
    assert done.returncode in (1, 2) and text in done.stderr and done.stderr.count('\n') == 1, done


def test_errors(folder):
    out = folder / 'x.onnx'
    fails('expected one MODEL', '-f', PHOTOS, '-o', out)
    fails('--frames is missing', MODEL, '-o', out)
    fails('--output is missing', MODEL, '-f', PHOTOS)
    fails('--reference is missing', MODEL, '-f', PHOTOS, '-o', out)
    fails('with no pictures', MODEL, '-f', folder, '-r', PHOTOS, '-n', 1, '-o', out)
    (folder / 'half').mkdir()
    photos = sorted(PHOTOS.glob('*.jpg'))[:3]
    for i, photo in enumerate(photos):
        (folder / 'half' / photo.name).write_bytes(photo.read_bytes()[:20000 if i == 1 else None])
    fails(photos[1].name, MODEL, '-f', PHOTOS, '-r', folder / 'half', '-n', 1, '-o', out)
    fails('nowhere', folder / 'nowhere.onnx', '-f', PHOTOS, '-r', PHOTOS, '-o', out)
    fails('x.onnx', MODEL, '-f', PHOTOS, '-r', PHOTOS, '-n', 1, '-o', folder / 'no/x.onnx')
    assert not out.exists()


def main():
    tests = [test_fog, test_same_pictures, test_errors]
    print(f'1..{len(tests)}', flush=True)
    missing = next((why for why, there in ((f'no {MODEL.name} in FOVEA_TEST_DATA', MODEL.exists()),
                                           (f'no {PHOTOS}', PHOTOS.exists()),
                                           ('no ffmpeg', shutil.which('ffmpeg'))) if not there), None)
    with tempfile.TemporaryDirectory() as name:
        for i, test in enumerate(tests, 1):
            if missing:
                print(f'ok {i} - {test.__name__} # SKIP {missing}', flush=True)
                continue
            start = time.monotonic()
            test(pathlib.Path(name))
            print(f'ok {i} - {test.__name__} # {time.monotonic() - start:.1f} s', flush=True)


main()
