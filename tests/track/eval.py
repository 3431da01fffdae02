#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""fovea eval mot and fovea eval sot, as their users meet them.

eval.py FOVEA [WORD...]  runs the tests whose names are WORDs (or all), prints TAP.
"""
import json
import math
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / 'unit'))
import tools  # noqa: E402
from tools import data, done, expect, fails  # noqa: E402

COLUMNS = ['HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'IDs', 'Frag', 'FP', 'FN']


def lines_of(text):
    """{sequence: {figure: value}} of what was printed."""
    out = {}
    for line in text.strip().split('\n'):
        name, *words = line.split()
        out[name] = {k: float(v) for k, v in zip(words[::2], words[1::2])}
    return out


def table_of(path, tracker):
    """The same of a table of published scores."""
    out = {}
    for line in path.read_text().split('\n'):
        words = line.split()
        if len(words) == 12 and words[:2] == [tracker, 'pedestrian']:
            name = 'COMBINED' if words[2] == 'COMBINED_SEQ' else words[2]
            out[name] = dict(zip(COLUMNS, map(float, words[3:])))
    return out


def same(found, expected, where):
    expect(set(found) == set(expected), where, 'has', sorted(found), 'expected', sorted(expected))
    for name, row in expected.items():
        for column, value in row.items():
            if name == 'COMBINED' and column in ('Frag', 'FP', 'FN'):
                continue
            # The published figures are rounded to a hundredth; counts are exact.
            slack = 0 if value == int(value) and column in COLUMNS[5:] else 0.0101
            expect(abs(found[name][column] - value) <= slack, where, name, column,
                   found[name][column], 'expected', value)


# ---- against published scores ---------------------------------------------------


def mot_reference(folder):
    track = data('track')
    cases = [('mot17_valhalf', 'MOT17', 'byte', ['--val-half']),
             ('mot17_valhalf', 'MOT17', 'botsort', ['--val-half']),
             ('mot15_frcnn', 'MOT15', 'byte', [])]
    for results, sequences, tracker, args in cases:
        text = done('eval', 'mot', '--results', track / 'reference' / results / tracker, *args,
                    track / 'mot' / sequences)
        scores = table_of(track / 'reference' / f'{results}_reference_scores.txt', tracker)
        expect(len(scores) > 5, 'no scores of', tracker)
        same(lines_of(text), scores, f'{results}/{tracker}')
        expect(re.fullmatch(r'COMBINED HOTA [\d.]+ DetA [\d.]+ AssA [\d.]+ MOTA [\d.]+ '
                            r'IDF1 [\d.]+ IDs \d+', text.strip().split('\n')[-1]), text)


def mot_of_mpntrack(folder):
    """What MPNTrack's authors published of their own files."""
    track = data('track')
    published = {'TUD-Campus': (65.43, 84.68, 86.09), 'TUD-Stadtmitte': (63.24, 91.44, 87.79),
                 'PETS09-S2L1': (64.01, 87.27, 85.92)}
    only = [word for name in published for word in ('--sequence', name)]
    found = lines_of(done('eval', 'mot', '--results', track / 'reference/selftest/MPNTrack', *only,
                          track / 'mot/MOT15'))
    for name, values in published.items():
        for column, value in zip(('HOTA', 'MOTA', 'IDF1'), values):
            expect(abs(found[name][column] - value) <= 0.0101, name, column, found[name])


# ---- small sequences --------------------------------------------------------------


def write_mot(folder, name='A', frames=10):
    """One walker, marked and detected exactly, a car far off that does not count."""
    sequence = folder / 'data' / name
    for part in ('gt', 'det'):
        (sequence / part).mkdir(parents=True)
    (sequence / 'seqinfo.ini').write_text(f'[Sequence]\nname={name}\nframeRate=25\n'
                                          f'seqLength={frames}\nimWidth=640\nimHeight=480\n')
    walker = [f'{f},1,{100 + 2 * f},50,40,90' for f in range(1, frames + 1)]
    (sequence / 'gt/gt.txt').write_text(''.join(
        f'{row},1,1,1\n{f},2,400,50,40,90,1,3,1\n' for f, row in enumerate(walker, 1)))
    (sequence / 'det/own.txt').write_text(''.join(
        re.sub(r',1,', ',-1,', row, count=1) + ',0.9\n' for row in walker))
    results = folder / 'results'
    results.mkdir(exist_ok=True)
    (results / f'{name}.txt').write_text(''.join(f'{row},1,-1,-1,-1\n' for row in walker))
    return folder / 'data', results


def mot_results(folder):
    dir, results = write_mot(folder)
    found = lines_of(done('eval', 'mot', '--results', results, dir))
    expect(found['A']['HOTA'] == 100 and found['COMBINED']['MOTA'] == 100, found)
    report = json.loads(done('eval', 'mot', '--results', results, dir / 'A', '--json'))
    expect(report['combined']['idf1'] == 100 and len(report['combined']['hota_at']) == 19, report)
    expect([s['name'] for s in report['sequences']] == ['A'], report)
    expect('DetRe' in done('eval', 'mot', '--results', results, dir, '--details'), 'no details')


def mot_val_half(folder):
    """Of 10 frames the last four, 7 to 10, numbered from 1."""
    dir, results = write_mot(folder)
    rows = (results / 'A.txt').read_text().split('\n')
    (results / 'A.txt').write_text('\n'.join(
        re.sub(r'^\d+', lambda m: str(int(m.group()) - 6), row) for row in rows[6:]))
    found = lines_of(done('eval', 'mot', '--results', results, '--val-half', dir))
    expect(found['A']['HOTA'] == 100 and found['A']['FN'] == 0, found)


def mot_of_a_tracker(folder):
    """What a tracker is scored with is what it writes."""
    dir, _ = write_mot(folder, 'A', 40)
    write_mot(folder, 'B', 40)
    text = done('eval', 'mot', '--tracker', 'bytetrack', '--dets', 'own', '--save', folder / 'out',
                '-q', dir)
    found = lines_of(text)
    expect(set(found) == {'A', 'B', 'COMBINED'} and found['A']['HOTA'] > 90, found)
    expect(text == done('eval', 'mot', '--results', folder / 'out', dir), text)
    # A higher bar than any detection reaches leaves nothing.
    found = lines_of(done('eval', 'mot', '--tracker', 'bytetrack', '--dets', 'own', '-q', '--set',
                          'high-score=0.95', '--set', 'new-score=0.95', dir))
    expect(found['COMBINED']['HOTA'] == 0 and found['A']['FN'] == 40, found)


def mot_left_out(folder):
    """What a tracker does not take is said, once for each sequence."""
    dir, _ = write_mot(folder)
    crowd = [f'3,-1,{x * 7 % 600},{x * 3 % 400},9,9,0.5\n' for x in range(2005)]
    own = dir / 'A/det/own.txt'
    own.write_text(own.read_text() + ''.join(crowd) + '8,-1,1,1,0,5,0.9\n')
    run = tools.fovea('eval', 'mot', '--dets', 'own', '-q', dir)
    expect(run.returncode == 0 and run.stderr.count('\n') == 1, run.stderr)
    expect('A: 7 of 2016 detections are left out, in frame 3 first' in run.stderr, run.stderr)


def mot_scores_of_any_scale(folder):
    """Only the order of scores beyond 0..1 means something; it is said once that they are scaled."""
    dir, _ = write_mot(folder, 'A', 40)
    write_mot(folder, 'B', 40)
    texts = []
    for scale, shift in ((100, -20), (3, 7)):
        for name in 'AB':
            own = dir / name / 'det/own.txt'
            rows = own.read_text().split('\n')[:40]
            own.write_text(''.join(f"{row.rsplit(',', 1)[0]},{scale * k + shift}\n"
                                   for k, row in enumerate(rows)))
        run = tools.fovea('eval', 'mot', '--dets', 'own', dir)
        said = [line for line in run.stderr.split('\n') if 'own: scores beyond 0..1' in line]
        expect(run.returncode == 0 and len(said) == 1 and '2 of 2' in said[0], run.stderr)
        texts.append(run.stdout)
    expect(texts[0] == texts[1] and lines_of(texts[0])['A']['HOTA'] > 50, texts)
    run = tools.fovea('eval', 'mot', '--dets', 'own', '-q', dir)
    expect(run.returncode == 0 and not run.stderr, run.stderr)


KITTI = '{frame} {id} {type} {truncated} {occluded} -10 {x} 100 {right} {bottom} 1 1 1 1 1 1 1\n'


def kitti_row(frame, id, type, x, height=50, occluded=0, truncated=0):
    return KITTI.format(frame=frame, id=id, type=type, truncated=truncated, occluded=occluded, x=x,
                        right=x + 60, bottom=100 + height)


def mot_kitti(folder):
    """A car to be found; a van, a hidden car, a low car and a region that do not matter."""
    sequence = folder / 'kitti/0000'
    sequence.mkdir(parents=True)
    results = folder / 'results'
    results.mkdir()
    truth = found = ''
    for f in range(5):
        truth += kitti_row(f, 1, 'Car', 10) + kitti_row(f, 2, 'Van', 210)
        truth += kitti_row(f, 3, 'Car', 410, occluded=3) + kitti_row(f, -1, 'DontCare', 610)
        found += kitti_row(f, 11, 'Car', 10) + kitti_row(f, 12, 'Car', 210)
        found += kitti_row(f, 13, 'Car', 410) + kitti_row(f, 14, 'Car', 615)
        found += kitti_row(f, 15, 'Car', 910, height=25) + kitti_row(f, 16, 'Pedestrian', 10)
    (sequence / 'label_02.txt').write_text(truth)
    (results / '0000.txt').write_text(found)
    scores = lines_of(done('eval', 'mot', '--results', results, folder / 'kitti'))['0000']
    expect(scores['HOTA'] == 100 and scores['FP'] == 0, scores)
    scores = lines_of(done('eval', 'mot', '--results', results, '--class', 'pedestrian',
                           folder / 'kitti'))['0000']
    expect(scores['HOTA'] == 0 and scores['FP'] == 5, scores)


def mot_of_bad_data(folder):
    dir, results = write_mot(folder)
    fails(2, 'DIR is missing', 'eval', 'mot')
    fails(2, '--dets is missing', 'eval', 'mot', dir)
    fails(2, "--tracker is 'none', expected one of", 'eval', 'mot', '--dets', 'own', '--tracker', 'none', dir)
    fails(2, '--set x: the tracker has no such number', 'eval', 'mot', '--dets', 'own', '--set', 'x=1', dir)
    fails(2, '--results takes no options', 'eval', 'mot', '--results', results, '--dets', 'a', dir)
    fails(2, 'but there is --every', 'eval', 'mot', '--results', results, '--every', '5', dir)
    fails(1, 'nowhere', 'eval', 'mot', '--results', results, folder / 'nowhere')
    fails(1, 'no sequences, expected folders with', 'eval', 'mot', '--results', results, results)
    fails(1, 'has no sequence B', 'eval', 'mot', '--results', results, '--sequence', 'B', dir)
    fails(1, 'other.txt', 'eval', 'mot', '--dets', 'other', dir)
    fails(1, 'A.txt', 'eval', 'mot', '--results', folder, dir)
    for score in ('nan', 'inf', '1e10'):
        (dir / 'A/det/own.txt').write_text(f'1,-1,1,1,5,5,{score}\n')
        fails(1, f"own.txt:1: column 7 is '{score}'", 'eval', 'mot', '--dets', 'own', dir)
    (dir / 'A/det/own.txt').write_text('11,-1,1,1,5,5,0.9\n')
    fails(1, 'detections in frame 11, but seqinfo.ini says', 'eval', 'mot', '--dets', 'own', dir)
    (dir / 'A/gmc.txt').write_text('1 1 0 0 0 1 0\n0 1 0 0 0 1 0\n1 1 0 5 0 1 5\n')
    (dir / 'A/det/own.txt').write_text('1,-1,1,1,5,5,0.9\n')
    fails(1, 'gmc.txt: picture 1 is there twice', 'eval', 'mot', '--dets', 'own', dir)
    (dir / 'A/gmc.txt').unlink()
    (dir / 'B').mkdir()
    (dir / 'B/seqinfo.ini').write_text('[Sequence]\n')
    run = tools.fovea('eval', 'mot', '--results', results, dir)
    expect(run.returncode == 0 and 'B: left out, there is no gt/gt.txt' in run.stderr, run.stderr)
    (dir / 'B/seqinfo.ini').unlink()
    gt = dir / 'A/gt/gt.txt'
    truth = gt.read_text()
    gt.write_text(truth + '11,1,1,1,5,5,1,1,1\n')
    fails(1, 'truth in frame 11, but seqinfo.ini says', 'eval', 'mot', '--results', results, dir)
    gt.write_text(truth)
    info = dir / 'A/seqinfo.ini'
    whole = info.read_text()
    info.write_text(whole.replace('640', '64').replace('480', '48'))
    (dir / 'A/det/own.txt').write_text('1,-1,1,1,5,5,0.9\n')
    fails(1, 'seqinfo.ini: imWidth 64 and imHeight 48, but 10 of the 10 truth boxes', 'eval', 'mot',
          '--dets', 'own', dir)
    info.write_text(whole)
    (results / 'A.txt').write_text('11,1,1,1,5,5,1\n')
    fails(1, 'frame 11, but the sequence has 10 frames', 'eval', 'mot', '--results', results, dir)
    (results / 'A.txt').write_text('1,1,1,1,5,5,1\n1,1,2,2,5,5,1\n')
    fails(1, 'A: result 1 is twice in frame 1', 'eval', 'mot', '--results', results, dir)
    (results / 'A.txt').write_text('1,1,1,1,5,5,1\n1,x,2,2,5,5,1\n')
    fails(1, "A.txt:2: column 2 is 'x'", 'eval', 'mot', '--results', results, dir)


# ---- single objects -----------------------------------------------------------------


def drift(k, box):
    """Boxes that are wrong in a way that every reader of this can repeat."""
    x, y, w, h = box
    return (x + 0.3 * w * math.sin(0.1 * k), y + 0.2 * h * math.sin(0.07 * k),
            w * (1 + 0.2 * math.sin(0.05 * k)), h * (1 + 0.1 * math.cos(0.03 * k)))


# AUC, P20, NP and SR50 of drift, as the Python scorer beside the data sets prints them.
DRIFT = {
    'Crossing': (52.26190, 100.00000, 26.66667, 54.16667),
    'boat1': (53.34599, 78.73754, 29.23588, 59.80066),
    'wakeboard7': (54.58422, 100.00000, 28.35821, 68.65672),
    'Couple': (53.77551, 100.00000, 30.71429, 58.57143),
    'Basketball': (53.91790, 91.03448, 29.51724, 61.93103),
}


def sot_reference(folder):
    sequences = data('track/sot')
    for name in DRIFT:
        path = sequences / name / 'groundtruth_rect.txt'
        rows = [tuple(map(float, line.split(','))) for line in path.read_text().split()]
        (folder / f'{name}.txt').write_text(
            ''.join('%.3f,%.3f,%.3f,%.3f\n' % drift(k, row) for k, row in enumerate(rows)))
    only = [word for name in DRIFT for word in ('--sequence', name)]
    report = json.loads(done('eval', 'sot', '--results', folder, *only, sequences, '--json'))
    for row in report['sequences']:
        found = [row[k] for k in ('auc', 'precision_20', 'norm_precision', 'success_50')]
        for value, expected in zip(found, DRIFT[row['name']]):
            expect(abs(value - expected) < 1e-4, row, 'expected', DRIFT[row['name']])


def write_sot(folder):
    """Four frames: exact, half covered, far off, and one in which nothing is to be seen."""
    sequence = folder / 'data/one'
    sequence.mkdir(parents=True)
    (sequence / 'groundtruth_rect.txt').write_text(
        '10,10,40,40\n10\t10\t40\t40\n10,10,40,40\nnan,nan,nan,nan\n')
    (folder / 'one.txt').write_text('10,10,40,40\n10,10,40,21\n200,10,40,40\n1,1,1,1\n')
    return folder / 'data'


def sot_results(folder):
    """IoU 1, 0.525 and 0 of three frames: 20 + 11 + 0 of the 21 thresholds are passed."""
    dir = write_sot(folder)
    text = done('eval', 'sot', '--results', folder, dir)
    report = json.loads(done('eval', 'sot', '--results', folder, dir / 'one', '--json'))['mean']
    expect(abs(report['auc'] - 100 * 31 / 63) < 1e-4, report)
    # Centres: 0, 9.5 (0.2375 of the height) and 190 pixels off.
    expect(abs(report['precision_20'] - 200 / 3) < 1e-4, report)
    expect(abs(report['norm_precision'] - 100 / 3) < 1e-4, report)
    expect(abs(report['success_50'] - 200 / 3) < 1e-4 and report['frames'] == 3, report)
    expect(re.fullmatch(r'MEAN AUC 49.2 P20 66.7 .*', text.strip().split('\n')[-1]), text)


def sot_of_bad_data(folder):
    dir = write_sot(folder)
    fails(2, 'DIR is missing', 'eval', 'sot')
    fails(2, '--tracker is missing', 'eval', 'sot', dir)
    fails(2, "--tracker is 'none', expected one of", 'eval', 'sot', '--tracker', 'none', dir)
    fails(2, 'needs --backbone and --head', 'eval', 'sot', '--tracker', 'siamese', dir)
    fails(1, 'one: no pictures', 'eval', 'sot', '--tracker', 'dcf', dir)
    fails(1, 'expected folders with groundtruth_rect.txt', 'eval', 'sot', '--results', folder,
          folder)
    fails(1, 'one.txt', 'eval', 'sot', '--results', dir, dir)
    (folder / 'one.txt').write_text('10,10,40,40\n')
    fails(1, '1 rows, but the truth has 4', 'eval', 'sot', '--results', folder, dir)
    (folder / 'one.txt').write_text('10,10,40,40\n' * 5)
    fails(1, '5 rows, but the truth has 4', 'eval', 'sot', '--results', folder, dir)
    (folder / 'one.txt').write_text('10,10,40,40\n1,2,x,4\n')
    fails(1, "one.txt:2: column 3 is 'x'", 'eval', 'sot', '--results', folder, dir)
    (dir / 'one' / 'meta.json').write_text('[' * 200000)
    fails(1, 'meta.json: 200000 bytes, expected', 'eval', 'sot', '--tracker', 'dcf', dir)


tools.TESTS = [
    mot_reference, mot_of_mpntrack, mot_results, mot_val_half, mot_of_a_tracker, mot_left_out,
    mot_scores_of_any_scale, mot_kitti, mot_of_bad_data, sot_reference, sot_results, sot_of_bad_data,
]

if __name__ == '__main__':
    tools.main()
