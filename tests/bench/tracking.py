#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures all trackers beside their rivals and prints docs/tracking.md's tables.

tracking.py FOVEA [--write docs/tracking.md] [--only TABLE...] [--data DIR]
            [--occluded DIR] [--lit DIR] [--films DIR]

--write replaces the tables in that file, between <!-- table: NAME --> and <!-- end -->.
--data is $FOVEA_TEST_DATA where it is not given. The rivals' figures are read from
DATA/track/reference; those of Fovea are measured. --occluded and --lit are folders of the
single-object sequences with an occluder or changing light added (NAME@occ, NAME@illum). --films is a folder
for the films of the table pets-films, which ffmpeg makes there from that of PETS09-S2L1.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

TRACKERS = ['sort', 'iou', 'bytetrack', 'ocsort', 'botsort', 'fovea']
USES_LOOKS = {'fovea'}
EMBEDDING = 'models/reid/osnet_x0_25_msmt17.onnx'
SIAMESE = ['models/track/nanotrackv2_backbone.onnx', 'models/track/nanotrackv2_head.onnx']
OCCLUDED = ['Couple', 'Crossing', 'boat1', 'person12_1']


class Bench:
    def __init__(self, options):
        self.options = options
        self.data = pathlib.Path(options.data)
        self.track = self.data / 'track'

    def fovea(self, kind, *args):
        """The JSON of an evaluation; None (and a note) where this build can not do it."""
        command = [self.options.fovea, 'eval', kind, '--json', '--quiet', *map(str, args)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode == 0:
            return json.loads(run.stdout)
        print(f'left out: {" ".join(command[1:])}\n  {run.stderr.strip()}', file=sys.stderr)
        return None

    def mot(self, *args):
        return self.fovea('mot', *args)

    def rivals(self, name):
        """{(tracker, class): {sequence: [HOTA, DetA, AssA, MOTA, IDF1, IDs, Frag, FP, FN]}}"""
        out = {}
        for line in (self.track / 'reference' / name).read_text().split('\n'):
            words = line.split()
            if len(words) == 12 and words[1] in ('car', 'pedestrian'):
                out.setdefault((words[0], words[1]), {})[words[2]] = [float(w) for w in words[3:]]
        return out


def table(header, rows):
    """Markdown, the columns as wide as they need to be; all but the first are figures."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        lines.append('| ' + ' | '.join(cells) + ' |')
    rule = ['-' * w if i == 0 else '-' * (w - 1) + ':' for i, w in enumerate(widths)]
    return '\n'.join([lines[0], '| ' + ' | '.join(rule) + ' |', *lines[1:]])


MOT_HEADER = ['tracker', 'HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'IDs', 'ms a frame']


def mot_row(name, report, key='combined'):
    r = report[key]
    return [name, *(f'{r[k]:.1f}' for k in ('hota', 'det_a', 'ass_a', 'mota', 'idf1')),
            r['id_switches'], f'{r["tracker_ms"]:.3f}']


def rival_rows(scores, object_class='pedestrian', sequence='COMBINED_SEQ'):
    for (name, klass), rows in sorted(scores.items()):
        if klass == object_class and sequence in rows:
            r = rows[sequence]
            yield [f'rival {name}', *(f'{v:.1f}' for v in r[:5]), int(r[5]), '']


def own_rows(bench, *args):
    for name in TRACKERS:
        report = bench.mot('--tracker', name, *args)
        if report:
            yield mot_row(f'**{name}**', report)


def mot17(bench):
    rivals = rival_rows(bench.rivals('mot17_valhalf_reference_scores.txt'))
    own = own_rows(bench, '--dets', 'yolox', '--val-half', bench.track / 'mot/MOT17')
    return table(MOT_HEADER, [*rivals, *own])


def mot15(bench):
    rivals = rival_rows(bench.rivals('mot15_frcnn_reference_scores.txt'))
    own = own_rows(bench, '--dets', 'frcnn', bench.track / 'mot/MOT15')
    return table(MOT_HEADER, [*rivals, *own])


def kitti(bench):
    """The rivals have no figures over all sequences here, so the mean over sequences stands too."""
    scores = bench.rivals('kitti_reference_scores.txt')
    rows = []
    for object_class in ('car', 'pedestrian'):
        for (name, klass), of in sorted(scores.items()):
            hota = [r[0] for r in of.values() if any(r[7:9]) or r[0] > 0]
            if klass == object_class:
                rows.append([f'rival {name}, {klass}', '', f'{sum(hota) / len(hota):.1f}',
                             '', '', int(sum(r[5] for r in of.values()))])
        for name in TRACKERS:
            report = bench.mot('--tracker', name, '--dets', 'permatrack', '--class', object_class,
                               bench.track / 'mot/KITTI')
            if report:
                hota = [s['hota'] for s in report['sequences'] if s['truths'] > 0]
                r = report['combined']
                rows.append([f'**{name}**, {object_class}', f'{r["hota"]:.1f}',
                             f'{sum(hota) / len(hota):.1f}', f'{r["mota"]:.1f}',
                             f'{r["idf1"]:.1f}', r['id_switches']])
    return table(['tracker', 'HOTA', 'mean HOTA', 'MOTA', 'IDF1', 'IDs'], rows)


def presets(bench):
    """What the scenes' presets of the joined tracker and a known camera change on data of their
    kind."""
    mot17 = ['--dets', 'yolox', '--val-half', bench.track / 'mot/MOT17']
    cars = ['--dets', 'permatrack', '--class', 'car', bench.track / 'mot/KITTI']
    rows = []
    for what, preset, args in (('MOT17', 'crowd', mot17), ('KITTI car', 'traffic', cars)):
        for words in ([], ['--preset', preset]):
            report = bench.mot('--tracker', 'fovea', *words, *args)
            if report:
                rows.append(mot_row(f'{what}, {preset if words else "general"}', report))
    report = bench.mot('--tracker', 'fovea', '--ground', *mot17)
    if report:
        rows.append(mot_row('MOT17, general, `--ground`', report))
    return table(MOT_HEADER, rows)


def pets_args(bench, film='video/vtest.avi'):
    return ['--dets', 'frcnn', '--images', bench.data / film, '--sequence',
            'PETS09-S2L1', bench.track / 'mot/MOT15']


def pets(bench):
    """Real frames: appearance counts."""
    rows = list(rival_rows(bench.rivals('mot15_frcnn_reference_scores.txt'),
                           sequence='PETS09-S2L1'))
    rows += rival_rows(bench.rivals('pets_reid_reference_scores.txt'))
    looks = ['--embedding-model', bench.data / EMBEDDING]
    for name in TRACKERS:
        for words, what in (([], ''), (looks, ' + OSNet')):
            if words and name not in USES_LOOKS:
                continue
            report = bench.mot('--tracker', name, *words, *pets_args(bench))
            if report:
                rows.append(mot_row(f'**{name}**{what}', report))
    return table(MOT_HEADER, rows)


def sway(pixels):
    return (f"crop=w=iw-8:h=ih-8:x='4+round({pixels}*sin(n*0.9))':"
            f"y='4+round({pixels}*sin(n*0.7))',pad=iw+8:ih+8:4:4")


FILMS = {'sway of 1 pixel': sway(1), 'sway of 3 pixels': sway(3),
         'noise of 12': 'noise=alls=12:allf=t', 'noise of 30': 'noise=alls=30:allf=t'}


def pets_films(bench):
    """The same film of a camera on a pole, or in the dark; detections and truth stay."""
    if not bench.options.films:
        return None
    folder = pathlib.Path(bench.options.films).resolve()
    rows = []
    for name, change in {'as it is': None, **FILMS}.items():
        film = bench.data / 'video/vtest.avi'
        if change:
            film, source = folder / f'{name.replace(" ", "-")}.mp4', film
            subprocess.run(['ffmpeg', '-v', 'error', '-y', '-i', source, '-vf', change, '-c:v',
                            'libx264', '-preset', 'ultrafast', '-crf', '12', '-g', '50', film],
                           check=True)
        for words, what in (([], ''), (['--set', 'refine=0'], ', `refine=0`')):
            report = bench.mot('--tracker', 'fovea', *words, *pets_args(bench, film))
            if report:
                rows.append(mot_row(name + what, report))
    return table(MOT_HEADER, rows)


def every(bench):
    """The detector looks at every N-th frame; a visual tracker or particles fill the gaps."""
    rows = []
    for n in (1, 5):
        for visual in ('none', 'dcf'):
            for particles in (0, 200):
                report = bench.mot('--tracker', 'fovea', '--visual', visual, '--every', n,
                                   '--set', f'particles={particles}', *pets_args(bench))
                if report:
                    what = f'{visual} + particles' if particles else visual
                    rows.append(mot_row(f'**fovea**, {what}, every {n}', report))
    return table(MOT_HEADER, rows)


# ---- single objects -----------------------------------------------------------------


def sot_rivals(bench):
    """{tracker: {sequence: (AUC, P20)}}"""
    out = {}
    for line in (bench.track / 'reference/sot_reference_scores.txt').read_text().split('\n'):
        words = line.split('\t')
        if len(words) == 4:
            out.setdefault(words[0], {})[words[1]] = (float(words[2]), float(words[3]))
    return out


def sot_table(bench, folder, names):
    """names: of the rivals' rows; a rival that lacks one is left out."""
    rows = []
    for name, of in sorted(sot_rivals(bench).items()):
        if all(n in of for n in names):
            means = [sum(of[n][i] for n in names) / len(names) for i in (0, 1)]
            rows.append([f'rival {name}', *(f'{m:.1f}' for m in means), '', ''])
    nets = ['--backbone', bench.data / SIAMESE[0], '--head', bench.data / SIAMESE[1]]
    for tracker, args in (('dcf', []), ('siamese', nets)):
        only = [word for n in names for word in ('--sequence', n)]
        report = bench.fovea('sot', '--tracker', tracker, *args, *only, folder)
        if report:
            r = report['mean']
            rows.append([f'**{tracker}**', f'{r["auc"]:.1f}', f'{r["precision_20"]:.1f}',
                         f'{r["norm_precision"]:.1f}', f'{r["fps"]:.0f}'])
    return table(['tracker', 'AUC', 'P20', 'NP', 'fps'], rows)


def folders_in(folder):
    return sorted(p.parent.name for p in folder.glob('*/groundtruth_rect.txt'))


def sot(bench):
    folder = bench.track / 'sot'
    return sot_table(bench, folder, folders_in(folder))


def sot_pets(bench):
    folder = bench.track / 'sot/PETS'
    return sot_table(bench, folder, folders_in(folder))


def sot_occluded(bench):
    folder = bench.options.occluded
    return folder and sot_table(bench, pathlib.Path(folder), [f'{n}@occ' for n in OCCLUDED])


def sot_lit(bench):
    folder = bench.options.lit
    return folder and sot_table(bench, pathlib.Path(folder), [f'{n}@illum' for n in OCCLUDED])


TABLES = {f.__name__.replace('_', '-'): f
          for f in (mot17, mot15, kitti, presets, pets, pets_films, every, sot, sot_pets,
                    sot_occluded, sot_lit)}


def replace(path, name, text):
    page = path.read_text()
    pattern = re.compile(rf'(<!-- table: {name} -->\n).*?(<!-- end -->)', re.S)
    if not pattern.search(page):
        sys.exit(f'{path}: no <!-- table: {name} -->')
    path.write_text(pattern.sub(lambda m: f'{m[1]}{text}\n{m[2]}', page))


def main():
    parser = argparse.ArgumentParser(description='Measures trackers beside their rivals.')
    parser.add_argument('fovea', metavar='FOVEA')
    parser.add_argument('--data', default=os.environ.get('FOVEA_TEST_DATA'))
    parser.add_argument('--write', type=pathlib.Path)
    parser.add_argument('--only', nargs='+', choices=TABLES, default=list(TABLES))
    parser.add_argument('--occluded')
    parser.add_argument('--lit')
    parser.add_argument('--films')
    options = parser.parse_args()
    if not options.data:
        print('skipped: expected --data or FOVEA_TEST_DATA', file=sys.stderr)
        sys.exit(77)
    bench = Bench(options)
    for name in options.only:
        text = TABLES[name](bench)
        if not text:
            continue
        print(f'{name}\n\n{text}\n', flush=True)
        if options.write:
            replace(options.write, name, text)


if __name__ == '__main__':
    main()
