#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PyTorch's side of bench-train: the same nets, seconds of processor time and wall time of a step.

train.py [THREADS] [NET...]   (Debian: python3-torch)
"""
import sys
import time

import torch
from torch import nn
import torch.nn.functional as F


def block(i, o, stride=1):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


def cifar6():
    return nn.Sequential(
        block(3, 32), block(32, 32), nn.MaxPool2d(2), block(32, 64), block(64, 64),
        nn.MaxPool2d(2), block(64, 128), block(128, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(128, 10)), (64, 3, 32, 32), 10


class Basic(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.a = block(i, o, stride)
        self.b = nn.Sequential(nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.short = nn.Identity()
        if stride > 1:
            self.short = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        return F.relu(self.b(self.a(x)) + self.short(x))


def resnet18():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
              nn.MaxPool2d(3, 2, 1)]
    i = 64
    for o in (64, 128, 256, 512):
        layers += [Basic(i, o, 2 if o > 64 else 1), Basic(o, o, 1)]
        i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(512, 1000)), (8, 3, 224, 224), 1000


def separable(i, o):
    return nn.Sequential(nn.Conv2d(i, i, 3, 1, 1, groups=i, bias=False), nn.BatchNorm2d(i), nn.ReLU(),
                         nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())


def stage(i, o):
    return nn.Sequential(block(i, o, 2), separable(o, o), separable(o, o))


class Detector(nn.Module):
    """Fovea's recipe "yolox"."""

    def __init__(self, classes, width=48):
        super().__init__()
        self.stem = nn.Sequential(block(3, 16, 2), stage(16, 32))
        self.stages = nn.ModuleList([stage(32, 48), stage(48, 64), stage(64, 96)])
        self.laterals = nn.ModuleList([nn.Sequential(
            nn.Conv2d(o, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()) for o in (48, 64, 96)])
        self.down = nn.ModuleList([separable(width, width) for _ in range(2)])
        two = lambda: nn.Sequential(separable(width, width), separable(width, width))
        self.places = nn.ModuleList([two() for _ in range(3)])
        self.kinds = nn.ModuleList([two() for _ in range(3)])
        self.box = nn.ModuleList([nn.Conv2d(width, 5, 1) for _ in range(3)])
        self.label = nn.ModuleList([nn.Conv2d(width, classes, 1) for _ in range(3)])

    def forward(self, x):
        x, levels = self.stem(x), []
        for layer, lateral in zip(self.stages, self.laterals):
            x = layer(x)
            levels.append(lateral(x))
        for i in (1, 0):
            levels[i] = self.down[i](levels[i] + F.interpolate(levels[i + 1], scale_factor=2.0))
        out = [torch.cat([self.box[i](self.places[i](f)), self.label[i](self.kinds[i](f))], 1)
               for i, f in enumerate(levels)]
        return torch.cat([o.flatten(2) for o in out], 2).transpose(1, 2)


def detector():
    return Detector(3), (8, 3, 160, 160), 3


def detection_loss(out, labels):
    """Cross entropies and box errors of anchors that are given: Fovea also has to assign them."""
    n, anchors, _ = out.shape
    chosen = torch.arange(0, anchors, anchors // 20)[:20]
    objects = torch.zeros(n, anchors)
    objects[:, chosen] = 1
    kinds = F.one_hot((labels[:, None] + chosen) % 3, 3).float()
    return (F.binary_cross_entropy_with_logits(out[..., 4], objects, reduction='sum') +
            F.binary_cross_entropy_with_logits(out[:, chosen, 5:], kinds, reduction='sum') +
            F.smooth_l1_loss(out[:, chosen, :4], torch.zeros(n, 20, 4), reduction='sum')) / 20


NETS = {'cifar6': cifar6, 'resnet18': resnet18, 'detector': detector}
LOSSES = {'detector': detection_loss}


def run(name):
    net, shape, classes = NETS[name]()
    optimiser = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, nesterov=True)
    x = torch.randn(shape)
    labels = torch.arange(shape[0]) % classes
    best_wall = best_cpu = 1e9
    for _ in range(8):
        wall, cpu = time.perf_counter(), time.process_time()
        loss = LOSSES.get(name, F.cross_entropy)(net(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        best_wall = min(best_wall, time.perf_counter() - wall)
        best_cpu = min(best_cpu, time.process_time() - cpu)
    print(f'{name:10} {best_cpu * 1e3:8.1f} ms processor time, {best_wall * 1e3:8.1f} ms wall')


torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
for net_name in sys.argv[2:] or NETS:
    run(net_name)
