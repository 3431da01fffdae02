#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which anchor learns which object, and detectors' losses, for tests/train/assign.c and detection.c.

assign.py FOLDER  writes assign.txt (200 random scenes by three methods, an anchor a letter, then
the objects' weights) and detection.txt (parts of the loss and the gradient's norm by family).
Written from the papers: Ge et al. 2021 (YOLOX), Feng et al. 2021 (TOOD), Liu et al. 2016 (SSD),
Li et al. 2020 (GFL), Rezatofighi et al. 2019 (GIoU), Zheng et al. 2020 (CIoU). What they leave
open: of equals the first is taken; the alpha of CIoU is differentiated; without objects SSD keeps
as many negatives as for one. Made with PyTorch 1.13 (Debian: python3-torch), in double.
"""
import math
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F

SCENES, SIZE, CLASSES, ROWS = 200, 64, 3, 7


class Dice:
    """Knuth's MMIX generator, so that the test throws the same."""

    def __init__(self, seed):
        self.state = seed

    def roll(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def cells(strides, scale):
    return np.array([((x + 0.5) * s, (y + 0.5) * s, s * scale, s * scale) for s in strides
                     for y in range(SIZE // s) for x in range(SIZE // s)])


def targets(dice, empty):
    rows = np.zeros((ROWS, 6))
    n = 0 if empty else dice.roll(ROWS - 1)
    for i in range(n):
        w, h = 4 + dice.roll(40), 4 + dice.roll(40)
        x, y = dice.roll(SIZE - w), dice.roll(SIZE - h)
        rows[i] = x, y, x + w, y + h, dice.roll(CLASSES), 1
        if i and dice.roll(4) == 0:  # the same box again
            rows[i, :4] = rows[i - 1, :4]
    if dice.roll(2):
        x, y = dice.roll(32), dice.roll(32)
        rows[n] = x, y, x + 24, y + 24, 0, -1
    return rows


def scene(number):
    dice = Dice(number)
    rows = targets(dice, number % 10 == 0)
    places = cells((8, 16), 1)
    n = int((rows[:, 5] > 0).sum())
    boxes, scores, objectness = np.zeros((len(places), 4)), [], []
    for i, (x, y, w, h) in enumerate(places):
        if number % 4 == 0 or n == 0 or dice.roll(4) == 0:  # many equals
            boxes[i] = x - w, y - h, x + w, y + h
        else:
            o = dice.roll(n)
            boxes[i] = [rows[o, k] + dice.roll(9) - 4 for k in range(4)]
        scores.append([(dice.roll(65) - 32) / 8 * (number % 4 != 0) for _ in range(CLASSES)])
        objectness.append((dice.roll(65) - 32) / 8 * (number % 4 != 0))
    return boxes, np.array(scores), np.array(objectness), places, rows


def iou(a, b):
    """[n, 4] by [m, 4]"""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=2)
    area = [np.prod(np.maximum(v[:, 2:] - v[:, :2], 0), axis=1) for v in (a, b)]
    both = area[0][:, None] + area[1][None] - inter
    return np.where(both > 0, inter / np.where(both > 0, both, 1), 0)


def inside(places, boxes):
    x, y = places[:, None, 0], places[:, None, 1]
    return (x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simota(boxes, scores, objectness, places, objects, labels):
    """Rows of objects and weights of anchors that have one."""
    u = iou(boxes, objects)
    p = np.sqrt(sigmoid(scores) * sigmoid(objectness)[:, None])
    p1, p0 = np.maximum(np.log(p), -100), np.maximum(np.log(1 - p), -100)
    classes = np.stack([-(p0.sum(1) - p0[:, c] + p1[:, c]) for c in labels], 1)
    mid = (objects[:, :2] + objects[:, 2:]) / 2
    near = (abs(places[:, None, :2] - mid) < 1.5 * places[:, None, 2:]).all(2)
    within = inside(places, objects)
    may = (near | within).any(1)
    cost = classes + 3 * -np.log(u + 1e-8) + 1e5 * ~(near & within)
    cost[~may] = np.inf
    taken = np.zeros(u.shape, bool)
    for o in range(len(objects)):
        k = max(int(np.sort(u[may, o])[::-1][:10].sum()), 1)
        taken[np.argsort(cost[:, o], kind='stable')[:min(k, may.sum())], o] = True
    row = np.where(taken.sum(1) > 1, cost.argmin(1), np.where(taken.any(1), taken.argmax(1), -1))
    return row, u[np.arange(len(row)), row]


def aligned(boxes, scores, _, places, objects, labels):
    u = iou(boxes, objects)
    metric = sigmoid(scores)[:, labels]**0.5 * u**6 * inside(places, objects)
    row, best = np.full(len(boxes), -1), np.zeros(len(boxes))
    for o in range(len(objects)):
        for i in np.argsort(-metric[:, o], kind='stable')[:10]:
            if metric[i, o] > 0 and u[i, o] > best[i]:
                row[i], best[i] = o, u[i, o]
    weight = np.zeros(len(boxes))
    for o in range(len(objects)):
        mine = row == o
        if mine.any():
            weight[mine] = metric[mine, o] / metric[mine, o].max() * u[mine, o].max()
    return row, weight


def overlap(_, scores, __, places, objects, ___):
    prior = np.concatenate([places[:, :2] - places[:, 2:] / 2, places[:, :2] + places[:, 2:] / 2], 1)
    u = iou(prior, objects)
    row, free = np.full(len(places), -1), u.copy()
    for _ in range(len(objects)):
        o, i = np.unravel_index(free.T.argmax(), free.T.shape)
        if free[i, o] <= 0:
            break
        row[i] = o
        free[i], free[:, o] = 0, 0
    if len(objects):
        row = np.where((row < 0) & (u.max(1) > 0.5), u.argmax(1), row)
    return row, (row >= 0) * 1.0


def hardest(row, weight, mistake):
    """Weights of 1 stay for three negatives of each positive, the most mistaken ones."""
    left = np.flatnonzero((row < 0) & (weight > 0))
    order = left[np.argsort(-mistake[left], kind='stable')]
    weight[order[3 * max((row >= 0).sum(), 1):]] = 0


def assign(method, boxes, scores, objectness, places, rows, softmax=False):
    """Row of the targets (or -1) and weight of each anchor."""
    which = np.flatnonzero(rows[:, 5] > 0)
    row, weight = np.full(len(places), -1), np.ones(len(places))
    weight[inside(places, rows[rows[:, 5] < 0, :4]).any(1)] = 0
    if len(which):
        labels = rows[which, 4].astype(int) + softmax
        got, w = method(boxes, scores, objectness, places, rows[which, :4], labels)
        row = np.where(got >= 0, which[got], -1)
        weight = np.where(got >= 0, w, weight)
    if method is overlap:
        if softmax:
            mistake = np.log(np.exp(scores - scores[:, :1]).sum(1))
        else:
            mistake = np.logaddexp(0, scores).sum(1)
        hardest(row, weight, mistake)
    return row, weight


def write_scenes(path):
    with open(path, 'w', encoding='ascii') as file:
        for number in range(SCENES):
            boxes, scores, objectness, places, rows = scene(number)
            for method in (simota, aligned, overlap):
                where = places * (1, 1, 3, 3) if method is overlap else places
                row, weight = assign(method, boxes, scores, objectness, where, rows)
                letters = [str(r) if r >= 0 else '.' if w > 0 else 'x' for r, w in zip(row, weight)]
                print(''.join(letters), *(f'{w:.6f}' for w in weight[row >= 0]), file=file)


# ---- losses ------------------------------------------------------------------------------------

BATCH = 2


def wave(shape, seed, scale):
    n = math.prod(shape)
    return torch.tensor([scale * math.sin(1.7 * i + seed) for i in range(n)],
                        dtype=torch.float64).reshape(shape).float().double()


def iou_loss(kind, a, b):
    w, h = (a[:, 2:] - a[:, :2]).clamp(min=0).unbind(1)
    tw, th = (b[:, 2:] - b[:, :2]).clamp(min=0).unbind(1)
    side = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0)
    inter = side.prod(1)
    both = w * h + tw * th + 1e-7 - inter
    u = inter / both
    if kind == 'square':
        return 1 - u * u
    if kind == 'giou':
        whole = hull.prod(1) + 1e-7
        return 1 - u + (whole - both) / whole
    far = ((a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:])**2).sum(1) / 4 / ((hull**2).sum(1) + 1e-7)
    v = 4 / math.pi**2 * (torch.atan2(tw, th) - torch.atan2(w, h))**2
    return 1 - u + far + v * v / (1 - u + v + 1e-7)


def bce(x, t):
    return F.binary_cross_entropy_with_logits(x, t, reduction='none')


def bins_loss(x, places, boxes, corner):
    """x [n, 4, bins]; cells' sides as two neighbours' shares."""
    bins = x.shape[2]
    mid = places[:, :2] - places[:, 2:] / 2 * corner
    d = torch.cat([mid - boxes[:, :2], boxes[:, 2:] - mid], 1) / places[:, 2:].repeat(1, 2)
    d = d.clamp(0, bins - 1.01)
    low = d.floor().long()
    log = F.log_softmax(x, 2)
    high = log.gather(2, low[..., None] + 1)[..., 0]
    return -(log.gather(2, low[..., None])[..., 0] * (low + 1 - d) + high * (d - low)).mean(1)


def sides(x):
    return (F.softmax(x, 2) * torch.arange(x.shape[2])).sum(2)


def corners(mid, size):
    return torch.cat([mid - size / 2, mid + size / 2], 1)


def spread(low, high, layers=6):
    return [low + (high - low) * k / (layers - 1) for k in range(layers)]


def ssd_priors():
    rows, scales = [], spread(0.2, 0.95) + [1.0]
    for k in range(6):
        n = max(-(-SIZE // (16 << k)), 1)
        shapes = [(0.1, 1), (0.2, 2), (0.2, 0.5)]
        if k:
            shapes = [(scales[k], a) for a in (1, 2, 0.5, 3, 0.3333)]
            shapes.append((math.sqrt(scales[k] * scales[k + 1]), 1))
        for y in range(n):
            for x in range(n):
                rows += [((x + 0.5) / n, (y + 0.5) / n, s * math.sqrt(a), s / math.sqrt(a))
                         for s, a in shapes]
    return np.array(rows) * SIZE


class Family:
    """Parts of the loss of one batch: boxes, scores, objectness of a picture come from heads()."""

    def __init__(self, name):
        self.name = name
        strides = (8, 16, 32, 64) if name == 'nanodet' else (8, 16, 32)
        self.places = ssd_priors() if name.startswith('ssd') else cells(strides, 1)
        self.bins = {'yolov8': 16, 'nanodet': 8}.get(name, 0)
        self.background = int(name.startswith('ssd'))
        self.columns = {'yolox': 5 + CLASSES}.get(name, max(4 * self.bins, 4) + CLASSES + self.background)

    def read(self, x):
        p = torch.tensor(self.places)
        if self.name == 'yolox':
            return (corners((x[:, :2] + 0) * p[:, 2:] + p[:, :2] - p[:, 2:] / 2,
                            x[:, 2:4].exp() * p[:, 2:]), x[:, 5:], x[:, 4])
        if self.bins:
            raw, score = x[:, :4 * self.bins], x[:, 4 * self.bins:]
            if self.name == 'nanodet':
                score, raw = x[:, :CLASSES], x[:, CLASSES:]
            d = sides(raw.reshape(-1, 4, self.bins)) * p[:, 2:].repeat(1, 2)
            mid = p[:, :2] - p[:, 2:] / 2 * (self.name == 'nanodet')
            return torch.cat([mid - d[:, :2], mid + d[:, 2:]], 1), score, raw
        raw = x[:, [1, 0, 3, 2]]  # y first
        return (corners(raw[:, :2] * 0.1 * p[:, 2:] + p[:, :2], (raw[:, 2:] * 0.2).exp() * p[:, 2:]),
                x[:, 4:], raw)

    def picture(self, x, rows):
        """Sums over anchors: a dict of parts, and what divides them."""
        boxes, score, third = self.read(x)
        method = simota if self.name == 'yolox' else overlap if self.background else aligned
        softmax = self.name == 'ssd-softmax'
        scores = score[:, 1:] if self.background and not softmax else score
        row, weight = assign(method, boxes.detach().numpy(), scores.detach().numpy(),
                             third.detach().numpy() if self.name == 'yolox' else None, self.places,
                             rows, softmax)
        found, w = torch.tensor(row >= 0), torch.tensor(weight)
        counted = found | (w > 0)
        mine = torch.tensor(rows[row[row >= 0]])
        wanted = torch.zeros(len(row), CLASSES, dtype=torch.float64)
        wanted[found, mine[:, 4].long()] = w[found]
        place = torch.tensor(self.places)[found]
        if self.name == 'yolox':
            return {'box': 5 * iou_loss('square', boxes[found], mine[:, :4]).sum(),
                    'object': bce(third, found.double())[counted].sum(),
                    'class': bce(score, wanted)[found].sum()}, found.sum()
        if self.background:
            mid = ((mine[:, :2] + mine[:, 2:4]) / 2 - place[:, :2]) / place[:, 2:] / 0.1
            size = ((mine[:, 2:4] - mine[:, :2]) / place[:, 2:]).log() / 0.2
            box = F.smooth_l1_loss(third[found], torch.cat([mid, size], 1), reduction='sum')
            if softmax:
                label = torch.where(found, wanted.argmax(1) + 1, 0)
                return {'box': box, 'class': F.cross_entropy(score, label, reduction='none')[counted].sum()
                        }, found.sum()
            return {'box': box, 'class': bce(scores, wanted)[counted].sum()}, found.sum()
        plus = self.name == 'nanodet'
        kind, gains = ('giou', (2, 1, 0.25)) if plus else ('ciou', (7.5, 0.5, 1.5))
        classes = bce(score, wanted) * ((wanted - score.sigmoid())**2 if plus else 1)
        raw = third.reshape(-1, 4, self.bins)[found]
        return {'box': gains[0] * (iou_loss(kind, boxes[found], mine[:, :4]) * w[found]).sum(),
                'class': gains[1] * classes[counted].sum(),
                'bins': gains[2] * (bins_loss(raw, place, mine[:, :4], plus) * w[found]).sum()}, w[found].sum()

    def loss(self):
        """Of a network that is one matrix: heads = pictures' means times weights, and biases."""
        n = len(self.places) * self.columns
        means = wave((BATCH, 3), 0.3, 1)
        weight, bias = wave((3, n), 1.1, 0.7).requires_grad_(), wave((n,), 2.9, 1.5).requires_grad_()
        heads = (means @ weight + bias).reshape(BATCH, len(self.places), self.columns)
        parts, divisor = {}, 0
        for b in range(BATCH):
            got, d = self.picture(heads[b], targets(Dice(1000 + b), False))
            divisor += d
            parts = {k: parts.get(k, 0) + v for k, v in got.items()}
        parts = {k: v / max(divisor, 1) for k, v in parts.items()}
        sum(parts.values()).backward()
        norm = math.sqrt((weight.grad**2).sum() + (bias.grad**2).sum())
        return {**{k: v.item() for k, v in parts.items()}, 'gradient': norm}


def main():
    folder = pathlib.Path(sys.argv[1])
    write_scenes(folder / 'assign.txt')
    with open(folder / 'detection.txt', 'w', encoding='ascii') as file:
        for name in ('yolox', 'yolov8', 'nanodet', 'ssd', 'ssd-softmax'):
            print(name, *(f'{k} {v:.9g}' for k, v in Family(name).loss().items()), file=file)


main()
