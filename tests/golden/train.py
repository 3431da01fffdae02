#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twenty training steps of a small convolutional net on PyTorch, for tests/train/trainer.c.

train.py FOLDER  writes train-NAME.txt: losses of the steps, then each parameter after step 1;
train-tags.txt: macro AP, and scores, of twenty further batches after steps on several labels each.
Weights, pictures and labels follow formulas, so that only results are stored.
Made with PyTorch 1.13 (Debian: python3-torch), in double.
"""
import math
import pathlib
import sys

import torch
from torch import nn
import torch.nn.functional as F

BATCH, CLASSES, SIZE, STEPS = 6, 5, 12, 20


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=2)
        self.up = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.max_pool2d(x, 2)
        y = F.silu(self.norm2(self.depth(x)))
        y = self.up(F.leaky_relu(self.conv2(y), 0.1))
        return self.fc((x + y).mean((2, 3)))


def wave(shape, seed, scale):
    n = math.prod(shape)
    return torch.tensor([scale * math.sin(1.7 * i + seed) for i in range(n)],
                        dtype=torch.float64).reshape(shape)


def fill(net):
    for k, (name, p) in enumerate(net.named_parameters()):
        if name.startswith('norm') and name.endswith('weight'):
            p.data = 1 + wave(p.shape, k, 0.2)
        else:
            fan = p[0].numel() if p.dim() > 1 else 25
            p.data = wave(p.shape, k, 1.5 / math.sqrt(fan))


def batch(step):
    x = wave((BATCH, 3, SIZE, SIZE), 0.1 * step, 1) + wave((BATCH, 3, SIZE, SIZE), step, 0.3).flip(0)
    return x, torch.tensor([(i * 3 + step) % CLASSES for i in range(BATCH)])


def groups(net, decay):
    heavy = [p for p in net.parameters() if p.dim() > 1]
    light = [p for p in net.parameters() if p.dim() <= 1]
    return [{'params': heavy, 'weight_decay': decay}, {'params': light, 'weight_decay': 0.0}]


OPTIMISERS = {
    'sgd': (lambda g: torch.optim.SGD(g, 0.05, momentum=0.9, nesterov=True), 0.01, None),
    'adam': (lambda g: torch.optim.Adam(g, 0.004), 0.01, None),
    'adamw': (lambda g: torch.optim.AdamW(g, 0.004), 0.05, 0.7),
}


def run(name, path):
    make, decay, clip = OPTIMISERS[name]
    net = Net().double()
    fill(net)
    optimiser = make(groups(net, decay))
    losses, after = [], []
    for step in range(1, STEPS + 1):
        x, labels = batch(step)
        loss = F.cross_entropy(net(x), labels, label_smoothing=0.1 if name == 'adam' else 0)
        optimiser.zero_grad()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimiser.step()
        losses.append(loss.item())
        if step == 1:
            after = [(n, p.detach().flatten().tolist()) for n, p in net.named_parameters()]
            after.append(('norm1.running_mean', net.norm1.running_mean.tolist()))
    with open(path, 'w', encoding='ascii') as file:
        for what, values in [('loss', losses), *after]:
            print(what, *(f'{v:.9g}' for v in values), file=file)


def tags(step):
    """Which of the classes picture i shows: those that divide a number made of both."""
    return torch.tensor([[float((i * 7 + step * 3 + c * c) % 5 < 2) for c in range(CLASSES)]
                         for i in range(BATCH)], dtype=torch.float64)


def average_precision(scores, truths):
    """The sum over distinct scores, from the highest, of precision times the gain of recall."""
    total = hits = 0.0
    for score in sorted(set(scores), reverse=True):
        found = [t for s, t in zip(scores, truths) if s >= score]
        total += (sum(found) - hits) * sum(found) / len(found)
        hits = sum(found)
    return total / hits


def run_tags(path):
    net = Net().double()
    fill(net)
    optimiser = torch.optim.SGD(groups(net, 0.01), 0.05, momentum=0.9, nesterov=True)
    for step in range(1, STEPS + 1):
        loss = F.binary_cross_entropy_with_logits(net(batch(step)[0]), tags(step))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    later = range(STEPS + 1, 2 * STEPS + 1)
    scores = torch.cat([net(batch(step)[0]) for step in later]).detach()
    truths = torch.cat([tags(step) for step in later])
    macro = sum(average_precision(scores[:, c].tolist(), truths[:, c].tolist())
                for c in range(CLASSES)) / CLASSES
    with open(path, 'w', encoding='ascii') as file:
        print('macro', f'{macro:.9g}', file=file)
        print('scores', *(f'{v:.9g}' for v in scores.flatten().tolist()), file=file)


run_tags(pathlib.Path(sys.argv[1]) / 'train-tags.txt')
for name in OPTIMISERS:
    run(name, pathlib.Path(sys.argv[1]) / f'train-{name}.txt')
