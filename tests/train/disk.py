#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that really fills up, while fovea writes to it: disk.py FOVEA [PLUGIN]

A small one lives in memory, in a mount namespace of this process alone. Where that is not
permitted, all is skipped.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

FOVEA = sys.argv[1]
NAMESPACE = ['unshare', '--user', '--map-root-user', '--mount']
SIZE, EPOCHS = 16, 4
KEPT = {'a.onnx', 'a.onnx.csv', 'a.onnx.labels', 'a.onnx.png', 'a.onnx.safetensors',
        'a.onnx.safetensors.1'}


def make_pictures(folder):
    rand = random.Random(5)
    for kind in ('dark', 'light'):
        (folder / kind).mkdir(parents=True)
        for i in range(16):
            pixels = bytes(rand.randrange(110) + 70 * (kind == 'light')
                           for _ in range(3 * SIZE * SIZE))
            (folder / kind / f'{i:02}.ppm').write_bytes(b'P6\n%d %d\n255\n' % (SIZE, SIZE) + pixels)


class Disk:
    """A file system of so many KiB of which all but `room` are taken."""

    def __init__(self, folder, size):
        self.folder, self.ballast = folder, folder / 'ballast'
        folder.mkdir(exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}k', 'fovea', folder], check=True)

    def free(self):
        at = os.statvfs(self.folder)
        return at.f_bavail * at.f_frsize // 1024

    def leave(self, room):
        self.ballast.unlink(missing_ok=True)
        self.ballast.write_bytes(bytes(1024 * (self.free() - room)))
        assert self.free() == room, (self.free(), room)

    def clear(self):
        for path in self.folder.iterdir():
            path.unlink()

    def close(self):
        subprocess.run(['umount', self.folder], check=True)


def run(*args, cwd=None):
    return subprocess.run([FOVEA, *map(str, args)], capture_output=True, text=True, check=False,
                          cwd=cwd, timeout=120)


def train(data, out, *more):
    return run('train', data, '-o', out, '--size', SIZE, '--epochs', EPOCHS, '--batch', 8,
               '-d', 'cpu:1', '--quiet', *more)


def expect_full(done, file):
    """One line that names the file and says why."""
    assert done.returncode == 1, done
    assert 'No space left' in done.stderr and file in done.stderr, done
    assert done.stderr.count('\n') == 1, done


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != 'ballast'}


def after_epoch(checkpoint):
    """The epoch that a whole checkpoint was made after."""
    data = checkpoint.read_bytes()
    header = json.loads(data[8:8 + int.from_bytes(data[:8], 'little')])
    return int(header['__metadata__']['epoch'])


def test_train(folder):
    """With any room, it stops with a reason, and then ends with the bytes of an unbroken run."""
    disk = Disk(folder / 'disk', 8192)
    out, checkpoint = disk.folder / 'a.onnx', disk.folder / 'a.onnx.safetensors'
    done = train(folder / 'data', out)
    assert done.returncode == 0, done
    want, most = files(disk.folder), 8192 - disk.free()  # a run has a file more in between
    stages = set()
    for share in (0, 0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1, 1.1, 1.2):
        disk.clear()
        disk.leave(int(share * most) // 4 * 4)
        done = train(folder / 'data', out)
        resume = []
        if done.returncode:
            expect_full(done, str(out))
            left = files(disk.folder)
            assert set(left) <= KEPT, left.keys()
            resume = ['--resume'] if checkpoint.exists() else []
            stages.add(after_epoch(checkpoint) if resume else 0)
            if resume:
                loads = run('info', '-m', out)
                assert loads.returncode == 0, (share, left.keys(), done, loads)
        disk.ballast.unlink()
        done = train(folder / 'data', out, *resume)
        assert done.returncode == 0, (share, done)
        assert files(disk.folder) == want, (share, resume)
    print('# epochs after which the disk was full:', sorted(stages))
    assert stages >= {0, 1, 2}, stages
    disk.close()


def test_last_file(folder):
    """Full behind the last checkpoint: what was to be written after it comes with --resume."""
    disk = Disk(folder / 'disk', 8192)
    out = disk.folder / 'a.onnx'
    assert train(folder / 'data', out).returncode == 0
    want = files(disk.folder)
    fresh = folder / 'fresh.onnx'
    assert train(folder / 'data', fresh, '--epochs', 1).returncode == 0
    out.write_bytes(fresh.read_bytes())
    for name in ('a.onnx.csv', 'a.onnx.labels', 'a.onnx.png'):
        (disk.folder / name).unlink()
    disk.leave(0)
    expect_full(train(folder / 'data', out, '--resume'), str(out))
    disk.ballast.unlink()
    assert train(folder / 'data', out, '--resume').returncode == 0
    assert files(disk.folder) == want
    disk.close()


def film(folder):
    """A square that walks over noise, as numbered pictures."""
    rand = random.Random(3)
    folder.mkdir()
    ground = [rand.randrange(90) for _ in range(96 * 64)]
    for frame in range(40):
        pixels = bytearray(v for g in ground for v in (g, g, g))
        for y in range(20, 40):
            at = 3 * (96 * y + 8 + frame)
            pixels[at:at + 60] = bytes(200 + (x + y) % 40 for x in range(60))
        (folder / f'{frame:03}.ppm').write_bytes(b'P6\n96 64\n255\n' + pixels)


def test_outputs(folder):
    """Lists of tracks, films and pictures: the reason, at the picture that found no room."""
    film(folder / 'film')
    disk = Disk(folder / 'disk', 1024)
    whole = None
    for option, name in (('--json', 'a.json'), ('--mot', 'a.txt'), ('-o', 'a.avi'), ('-o', 'a.mp4'),
                         ('-o', '%03d.png')):
        path = disk.folder / name
        args = ['track', folder / 'film' / '*.ppm', '--init', '8,20,20,20', option, path]
        disk.clear()
        done = run(*args)
        assert done.returncode == 0, done
        if option == '--json':
            whole = path.read_text().splitlines()
            assert len(whole) == 40
        used = 1024 - disk.free()
        disk.clear()
        for room in {0, used // 2 // 4 * 4}:
            disk.leave(room)
            done = run(*args)
            expect_full(done, str(path)[:-8] if '%' in name else str(path))
            if option == '--json' and room:
                lines = path.read_text().split('\n')
                assert len(lines) > 2 and lines[:-1] == whole[:len(lines) - 1]
            disk.clear()
    disk.close()


def sanitizer(plugin):
    """The address sanitizer of a plugin that has one: a program without it must load it first."""
    needed = subprocess.run(['ldd', plugin], capture_output=True, text=True, check=True).stdout
    return {'LD_PRELOAD': line.split()[2] for line in needed.splitlines() if 'libasan' in line}


def test_publisher(folder):
    """The element stops the pipeline with the reason; what is in the file are whole records."""
    plugin = [pathlib.Path(a) for a in sys.argv[2:] if a.endswith('.so')]
    if not plugin or not shutil.which('gst-launch-1.0'):
        return '# SKIP needs the plugin and gst-launch-1.0'
    disk = Disk(folder / 'disk', 1024)
    env = {**os.environ, 'GST_PLUGIN_PATH': str(plugin[0].parent),
           'GST_REGISTRY': str(folder / 'registry'), **sanitizer(plugin[0])}
    for form in ('json-lines', 'json'):
        disk.leave(16)
        path = disk.folder / f'a.{form}'
        done = subprocess.run(
            ['gst-launch-1.0', '-q', 'videotestsrc', 'num-buffers=2000', '!',
             'video/x-raw,width=64,height=64', '!', 'foveametaconvert', 'add-empty-results=true',
             '!', 'foveapublish', f'file-path={path}', f'file-format={form}', '!', 'fakesink'],
            capture_output=True, text=True, check=False, env=env, timeout=120)
        assert done.returncode and f'can not write to "{path}": No space' in done.stderr, done
        text = path.read_text()
        if form == 'json':  # the array's end may have found room
            records = json.loads(text if text.endswith(']\n') else text + ']')
        else:
            records = [json.loads(record) for record in text.splitlines()]
        assert 50 < len(records) < 2000, len(records)
        assert all(r['resolution'] == {'height': 64, 'width': 64} for r in records)
        disk.clear()
    disk.close()
    return ''


def main():
    if 'inside' not in sys.argv:
        if subprocess.run([*NAMESPACE, 'sh', '-c', 'mount -t tmpfs fovea /mnt'], check=False,
                          capture_output=True).returncode:
            print('1..0 # SKIP mounting in a namespace of one\'s own is not permitted here')
            return
        os.execvp('unshare', [*NAMESPACE, sys.executable, *sys.argv, 'inside'])
    tests = [test_train, test_last_file, test_outputs, test_publisher]
    print(f'1..{len(tests)}', flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        make_pictures(folder / 'data')
        for i, test in enumerate(tests, 1):
            start = time.monotonic()
            note = test(folder) or f'# {time.monotonic() - start:.1f} s'
            print(f'ok {i} - {test.__name__} {note}', flush=True)


main()
