#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Losses and their gradients on PyTorch, for tests/train/losses.c.

losses.py FOLDER  writes train-losses.txt: per case a name, the loss, its gradient by the scores.
Scores and labels follow formulas, so that only results are stored.
Made with PyTorch 1.13 (Debian: python3-torch), in double.
"""
import math
import pathlib
import sys

import torch
import torch.nn.functional as F

WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0], dtype=torch.float64)
MORE = torch.tensor([4.0, 1.0, 0.5, 2.0, 10.0], dtype=torch.float64)
MATRIX, MASK, VECTORS, TEXT = (7, 5), (2, 5, 3, 4), (8, 4), (3, 6, 5)


def wave(shape, scale):
    n = math.prod(shape)
    return torch.tensor([scale * math.sin(1.7 * i + 0.3) for i in range(n)],
                        dtype=torch.float64).reshape(shape)


def classes(shape, ignore):
    """Labels (i * 3 + 1) mod 5; every fourth is -1 where some are ignored."""
    n = math.prod(shape)
    return torch.tensor([-1 if ignore and i % 4 == 3 else (i * 3 + 1) % 5
                         for i in range(n)]).reshape(shape)


def shares(shape):
    """Targets 0, 1, 0, 1, ... with a 0.25 now and then."""
    n = math.prod(shape)
    return torch.tensor([0.25 if i % 5 == 4 else float(i * i % 3 == 1) for i in range(n)],
                        dtype=torch.float64).reshape(shape)


def cross_entropy(x, **more):
    labels = classes((x.shape[0], *x.shape[2:]), more.pop('ignore', False))
    return F.cross_entropy(x, labels, ignore_index=-1, **more)


def bce(x, **more):
    return F.binary_cross_entropy_with_logits(x, shares(x.shape), **more)


def focal(x, alpha, gamma):
    t, p = shares(x.shape), torch.sigmoid(x)
    right = p * t + (1 - p) * (1 - t)
    loss = (1 - right) ** gamma * F.binary_cross_entropy_with_logits(x, t, reduction='none')
    if alpha is not None:
        loss = loss * (alpha * t + (1 - alpha) * (1 - t))
    return loss.mean()


def focal_entropy(x, gamma, weight=None):
    """(1 - p)^gamma before each label's term, a weighted mean; every fourth label is ignored."""
    labels = classes((x.shape[0], *x.shape[2:]), True)
    own = -F.nll_loss(F.log_softmax(x, 1), labels, ignore_index=-1, reduction='none')
    w = (labels >= 0) * (weight[labels.clamp(min=0)] if weight is not None else 1.0)
    return -(w * (1 - own.exp()) ** gamma * own).sum() / w.sum()


def dice(x):
    labels = classes((x.shape[0], *x.shape[2:]), True)
    known = (labels >= 0).unsqueeze(1)
    p = F.softmax(x, 1) * known
    t = F.one_hot(labels.clamp(min=0), x.shape[1]).movedim(-1, 1) * known
    over = (0, *range(2, x.dim()))
    return 1 - ((2 * (p * t).sum(over) + 1) / (p.sum(over) + t.sum(over) + 1)).mean()


def triplet(x, margin):
    n, total = len(x), 0
    for a in range(n):
        d = [(x[a] - x[b]).norm() if a != b else torch.zeros(()) for b in range(n)]
        far = max(d[b] for b in range(n) if b % 3 == a % 3)
        near = min(d[b] for b in range(n) if b % 3 != a % 3)
        total = total + F.relu(far - near + margin)
    return total / n


def contrastive(x, margin):
    n, total = len(x), 0
    for a in range(n):
        for b in range(a):
            d = (x[a] - x[b]).norm()
            total = total + (d ** 2 if a % 3 == b % 3 else F.relu(margin - d) ** 2) / 2
    return total / (n * (n - 1) / 2)


def ctc(x):
    labels, lengths = torch.tensor([[1, 2, 2], [4, 0, 0], [3, 3, 1]]), torch.tensor([3, 1, 3])
    return F.ctc_loss(F.log_softmax(x, 2).transpose(0, 1), labels, torch.tensor([x.shape[1]] * 3),
                      lengths)


CASES = {
    'ce': (MATRIX, lambda x: cross_entropy(x)),
    'ce-ignore': (MATRIX, lambda x: cross_entropy(x, ignore=True)),
    'ce-weights': (MATRIX, lambda x: cross_entropy(x, weight=WEIGHTS)),
    'ce-smooth-ignore': (MATRIX, lambda x: cross_entropy(x, ignore=True, label_smoothing=0.2)),
    'ce-all': (MASK, lambda x: cross_entropy(x, ignore=True, weight=WEIGHTS, label_smoothing=0.2)),
    'bce': (MATRIX, lambda x: bce(x)),
    'bce-weights': (MATRIX, lambda x: bce(x, weight=WEIGHTS)),
    'bce-positive': (MATRIX, lambda x: bce(x, pos_weight=MORE)),
    'bce-both': (MATRIX, lambda x: bce(x, weight=WEIGHTS, pos_weight=MORE)),
    'focal': (MATRIX, lambda x: focal(x, 0.25, 2)),
    'focal-plain': (MATRIX, lambda x: focal(x, None, 1.5)),
    'ce-focal': (MATRIX, lambda x: focal_entropy(x, 2)),
    'ce-focal-weights': (MASK, lambda x: focal_entropy(x, 0.5, WEIGHTS)),
    'dice': (MASK, dice),
    'ce-dice': (MASK, lambda x: dice(x) + cross_entropy(x, ignore=True)),
    'triplet': (VECTORS, lambda x: triplet(x, 0.3)),
    'contrastive': (VECTORS, lambda x: contrastive(x, 1)),
    'ctc': (TEXT, ctc),
}

with open(pathlib.Path(sys.argv[1]) / 'train-losses.txt', 'w', encoding='ascii') as file:
    for name, (shape, loss) in CASES.items():
        scores = wave(shape, 3 if shape is not VECTORS else 0.5).requires_grad_()
        value = loss(scores)
        value.backward()
        print(name, *(f'{v:.9g}' for v in [value.item(), *scores.grad.flatten().tolist()]),
              file=file)
