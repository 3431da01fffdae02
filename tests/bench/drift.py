#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A detector whose pictures change: what new statistics give back, and what training on top.

drift.py FOVEA [dusk] [blur] [noise] [--seeds N] [--device DEVICE]

Frames of PETS09-S2L1 (video/vtest.avi of FOVEA_TEST_DATA) with its people, darkened, blurred or
made noisy with the ffmpeg command. yolox_nano takes statistics of the first half's frames (fovea
recalibrate) or also learns them (fovea train --unfold --recalibrate); AP50 is measured on the
second half, from which a gap of 95 frames parts it. It fails where statistics and training give less
than 8 points more than statistics alone.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

DATA = pathlib.Path(os.environ.get('FOVEA_TEST_DATA', '/nowhere'))
VIDEO = DATA / 'video/vtest.avi'
TRUTH = DATA / 'track/mot/MOT15/PETS09-S2L1/gt/gt.txt'
MODEL = DATA / 'models/detect/yolox_nano.onnx'
SIZE = 768, 576
PARTS = {'train': range(1, 351, 11), 'valid': range(445, 796, 11)}  # frames, from 1
LOOKS = {
    'clear': 'null',
    'dusk': 'lutrgb=r=val*0.10:g=val*0.08:b=val*0.06,noise=alls=18:all_seed=1',
    'blur': 'gblur=sigma=12',
    'noise': 'noise=alls=100:all_seed=1',
}
TRAIN = ['--epochs', '6', '--batch', '4', '--learning-rate', '2e-4', '--augment', 'light']


def make_frames(folder, look):
    for part, frames in PARTS.items():
        (folder / look / part).mkdir(parents=True)
        first, step, last = frames[0] - 1, frames.step, frames[-1] - 1
        chosen = f"select='between(n,{first},{last})*not(mod(n-{first},{step}))'"
        subprocess.run(['ffmpeg', '-v', 'error', '-i', VIDEO, '-vf', f'{chosen},{LOOKS[look]}',
                        '-vsync', '0', '-q:v', '2', folder / look / part / '%03d.jpg'], check=True)


def make_annotations(folder):
    rows = [line.split(',') for line in TRUTH.read_text().splitlines()]
    for part, frames in PARTS.items():
        number = {frame: i for i, frame in enumerate(frames, 1)}
        objects = []
        for row in rows:
            if int(row[0]) not in number or float(row[6]) == 0:
                continue
            x, y, w, h = (float(v) for v in row[2:6])
            left, top = max(x - 1, 0), max(y - 1, 0)
            box = [left, top, min(x - 1 + w, SIZE[0]) - left, min(y - 1 + h, SIZE[1]) - top]
            objects.append({'id': len(objects) + 1, 'image_id': number[int(row[0])], 'bbox': box,
                            'category_id': 1, 'area': box[2] * box[3], 'iscrowd': 0})
        images = [{'id': i, 'file_name': f'{i:03}.jpg', 'width': SIZE[0], 'height': SIZE[1]}
                  for i in number.values()]
        (folder / f'{part}.json').write_text(json.dumps(
            {'images': images, 'annotations': objects,
             'categories': [{'id': 1, 'name': 'person'}]}))


class Bench:
    def __init__(self, fovea, device, folder):
        self.fovea, self.device, self.folder = fovea, device, folder

    def run(self, *args):
        return subprocess.run([self.fovea, *map(str, args), '--device', self.device, '--quiet'],
                              check=True, capture_output=True, text=True).stdout

    def ap50(self, model, look):
        out = self.run('eval', 'coco', '--model', model, '--images', self.folder / look / 'valid',
                       '--annotations', self.folder / 'valid.json')
        return float(re.search(r'AP50 ([\d.]+)$', out).group(1))

    def recalibrated(self, look):
        out = self.folder / 'recalibrated.onnx'
        self.run('recalibrate', MODEL, '--reference', self.folder / 'clear/train', '--frames',
                 self.folder / look / 'train', '--output', out)
        return self.ap50(out, look)

    def trained(self, look, seed, *options):
        out = self.folder / 'trained.onnx'
        self.run('train', self.folder / 'train.json', '--images', self.folder / look / 'train',
                 '--validation', 0, '--model', MODEL, '--seed', seed, *TRAIN, *options,
                 '--output', out)
        return self.ap50(out, look)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('fovea')
    parser.add_argument('looks', nargs='*', default=[])
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--device', default='cpu:2')
    args = parser.parse_args()
    if not (VIDEO.exists() and TRUTH.exists() and MODEL.exists() and shutil.which('ffmpeg')):
        print('skipped: needs FOVEA_TEST_DATA and the ffmpeg command', file=sys.stderr)
        sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bench = Bench(args.fovea, args.device, folder)
        make_annotations(folder)
        make_frames(folder, 'clear')
        print(f'AP50 of yolox_nano on clear frames: {bench.ap50(MODEL, "clear"):.1f}\n')
        print('| frames | as it is | recalibrated | trained | recalibrated, then trained |')
        print('| --- | ---: | ---: | ---: | ---: |', flush=True)
        for look in args.looks or [k for k in LOOKS if k != 'clear']:
            make_frames(folder, look)
            means, after = [], 0
            for options in ([], ['--unfold', folder / 'clear/train', '--recalibrate']):
                scores = [bench.trained(look, seed + 1, *options) for seed in range(args.seeds)]
                after = statistics.mean(scores)  # in the end: of both
                means.append(f'{statistics.mean(scores):.1f} ({min(scores):.1f} to '
                             f'{max(scores):.1f})')
            alone = bench.recalibrated(look)
            print(f'| {look} | {bench.ap50(MODEL, look):.1f} | {alone:.1f} | '
                  f'{means[0]} | {means[1]} |', flush=True)
            if after < alone + 8:
                sys.exit(f'{look}: training on top gives {after - alone:.1f}, expected 8')


main()
