#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea train's remedies for rare classes, one picture among fifty: rare.py FOVEA

Of each remedy it prints how many of the rare pictures kept apart are found, and what that costs
the common ones; each must find 10 % more than none does. The rare ones have stripes under noise,
the common ones fainter stripes.
"""
import math
import pathlib
import random
import re
import subprocess
import sys
import tempfile

FOVEA = sys.argv[1]
SIZE, RARE, APART = 18, 100, 60

REMEDIES = [('none', []), ('class weights', ['--class-weights', 'auto']),
            ('resampling', ['--balance', 1]), ('focal loss', ['--focal', '2,0.95']),
            ('SMOTE', ['--smote'])]


def stripes(rand, rare):
    phase = rand.uniform(0, 2 * math.pi)
    strength = rand.uniform(0.4, 1.8) if rare else rand.uniform(0, 0.6)
    wave = [strength * math.sin(0.8 * i + phase) for i in range(2 * SIZE)]
    pixels = (128 + 32 * (wave[x + y] + rand.gauss(0, 1))
              for y in range(SIZE) for x in range(SIZE) for _ in range(3))
    return b'P6\n%d %d\n255\n' % (SIZE, SIZE) + bytes(max(0, min(255, int(v))) for v in pixels)


def make_pictures(folder):
    rand = random.Random(7)
    for name, n in (('common', 50 * RARE), ('rare', RARE)):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            (folder / name / f'{i:04}p.ppm').write_bytes(stripes(rand, name == 'rare'))


def found(folder, more):
    """Percent of the rare and of the common pictures."""
    args = [FOVEA, 'train', folder / 'data', '-o', folder / 'out.onnx', '-r', 'depthwise', '--size',
            16, '-e', 6, '-b', 30, '--optimiser', 'adamw', '--learning-rate', 0.003, '--validation',
            APART, '-d', 'cpu:2', *more]
    text = subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True).stdout
    return [float(re.search(rf'^{name} .* ([\d.]+) %', text, re.M)[1]) for name in ('rare', 'common')]


def main():
    print(f'1..{len(REMEDIES)}', flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_pictures(folder / 'data')
        for i, (remedy, more) in enumerate(REMEDIES, 1):
            rare, common = found(folder, more)
            if i == 1:
                plain = rare
            print(f'# {remedy:14} {rare:5.1f} % of the rare, {common:5.1f} % of the common', flush=True)
            good = i == 1 or rare >= plain + 10
            print(f'{"ok" if good else "not ok"} {i} - {remedy}', flush=True)


main()
