#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dependencies point one way: reads the sources and names every edge that does not.

layers.py ROOT  checks the rules themselves on small samples, then the tree.
"""
import pathlib
import re
import sys

# What each folder under runtime/ may include, itself apart.
BOTTOM = {'vision', 'gpu', 'host'}
MAY_USE = {
    'vision': set(),
    'gpu': {'vision'},
    'host': {'vision'},
    'graph': BOTTOM,
    'ops': BOTTOM | {'graph'},
    'model': BOTTOM | {'graph', 'ops'},
    'train': BOTTOM | {'graph', 'ops', 'model', 'detect'},
    'detect': {'vision', 'graph', 'ops', 'model'},
    'overlay': {'vision'},
    'media': {'vision'},
    'trackers': {'vision'},
}
# The folder that keeps each public header's promise; vision where none is named.
HEADER_OF = {
    'device.h': 'gpu',
    'model.h': 'model',
    'session.h': 'model',
    'detector.h': 'detect',
    'embedder.h': 'detect',
    'data.h': 'train',
    'loader.h': 'train',
    'train.h': 'train',
    'trainer.h': 'train',
    'norms.h': 'train',
    'tracker.h': 'trackers',
    'visual.h': 'trackers',
    'overlay.h': 'overlay',
    'media.h': 'media',
}
# Contracts that any folder may name: a device is an opaque handle there.
HANDLES = {'device.h'}
# What a folder may use of a layer that is not below it: its public contract alone.
CONTRACTS = {'trackers': {'model.h', 'session.h', 'tensor.h'}}
GST_HOMES = ('plugins/', 'pipelines/', 'tests/gst/', 'samples/')
TOPS = ('plugins', 'tools', 'samples', 'pipelines')

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
VULKAN = re.compile(r'\b(Vk|vk)[A-Z]\w*|\bVK_[A-Z]\w*')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)
STRING = re.compile(r'"(\\.|[^"\\\n])*"')


def folder_of(path):
    parts = path.split('/')
    if parts[0] == 'runtime' and len(parts) > 2:
        return parts[1]
    return parts[0]


def target_of(include):
    """The folder that an include line reaches into, or None for a system header."""
    parts = include.split('/')
    if parts[0] == 'fovea':
        return HEADER_OF.get(parts[-1], 'vision')
    if len(parts) > 1 and parts[0] in MAY_USE:
        return parts[0]
    return None


def include_fault(path, include):
    folder = folder_of(path)
    target = target_of(include)
    public = include.startswith('fovea/')
    if include.startswith('gst/') and not path.startswith(GST_HOMES):
        return 'a GStreamer header outside plugins, pipelines, samples and their tests'
    if include.startswith(('vulkan/', 'vk_')) and not path.startswith(('runtime/gpu/', 'tests/')):
        return 'a Vulkan header outside runtime/gpu'
    if folder in TOPS and ((target and not public) or '..' in include.split('/')):
        return f'{folder} uses the public headers only'
    if folder in MAY_USE and target and target != folder and target not in MAY_USE[folder]:
        header = include.split('/')[-1]
        if public and header in HANDLES | CONTRACTS.get(folder, set()):
            return None
        return f'{folder} must not depend on {target}'
    return None


def faults(path, text):
    plain = COMMENT.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)
    for number, line in enumerate(plain.split('\n'), 1):
        match = INCLUDE.match(line)
        if match:
            why = include_fault(path, match.group(2))
            if why:
                yield f'{path}:{number}: {match.group(2)}: {why}'
        elif not path.startswith(('runtime/gpu/', 'tests/')):
            found = VULKAN.search(STRING.sub('""', line))
            if found:
                yield f'{path}:{number}: {found.group()}: Vulkan outside runtime/gpu'


SAMPLES = [
    ('runtime/vision/a.c', '#include <fovea/detector.h>', True),
    ('runtime/vision/a.c', '#include <fovea/box.h>', False),
    ('runtime/graph/a.c', '#include "ops/ops.h"', True),
    ('runtime/ops/a.c', '#include "graph/graph.h"', False),
    ('runtime/ops/a.c', '#include "model/onnx.h"', True),
    ('runtime/host/a.c', '#include "graph/graph.h"', True),
    ('runtime/detect/a.c', '#include "gpu/gpu.h"', True),
    ('runtime/detect/a.c', '#include <fovea/device.h>', False),
    ('runtime/media/a.c', '#include "vision/labels-private.h"', False),
    ('runtime/media/a.c', '#include <fovea/session.h>', True),
    ('runtime/overlay/a.c', '#include "graph/graph.h"', True),
    ('runtime/graph/a.c', 'VkDevice device;', True),
    ('runtime/graph/a.c', '/* as VkDevice */ f ("vkCreateDevice");', False),
    ('runtime/gpu/a.c', '#include <vulkan/vulkan.h>\nVkDevice d;', False),
    ('tools/a.c', '#include <vulkan/vulkan.h>', True),
    ('tools/a.c', '#include "model/onnx.h"', True),
    ('tools/a.c', '#include <fovea/model.h>\n#include "options.h"', False),
    ('plugins/a.c', '#include "../runtime/vision/x.h"', True),
    ('plugins/a.c', '#include <gst/gst.h>', False),
    ('runtime/media/a.c', '#include <gst/gst.h>', True),
    ('trackers/a.c', '#include "vision/assign.h"', False),
    ('trackers/a.c', '#include <fovea/session.h>', False),
    ('trackers/a.c', '#include "model/onnx.h"', True),
    ('trackers/a.c', '#include "gpu/gpu.h"', True),
    ('trackers/a.c', '#include <gst/gst.h>', True),
    ('tests/unit/a.c', '#include <gst/gst.h>', True),
    ('runtime/new/a.c', '', True),
]


def unknown_folder(path):
    parts = path.split('/')
    if parts[0] == 'runtime' and len(parts) > 2 and parts[1] not in MAY_USE.keys() | {'include'}:
        yield f'{path}: runtime/{parts[1]} has no place among the layers'


def check(path, text):
    return [*unknown_folder(path), *faults(path, text)]


def sources(root):
    for top in ('runtime', 'trackers', 'tests', *TOPS):
        for path in sorted((root / top).rglob('*.[ch]')):
            yield path.relative_to(root).as_posix(), path.read_text(encoding='utf-8')


def main():
    for path, text, wrong in SAMPLES:
        if bool(check(path, text)) != wrong:
            sys.exit(f'the rules misjudge {text!r} in {path}')
    n = 0
    bad = []
    for path, text in sources(pathlib.Path(sys.argv[1])):
        bad += check(path, text)
        n += 1
    print(*bad, sep='\n')
    print(f'{n} files, {len(bad)} faults')
    sys.exit(1 if bad or n == 0 else 0)


if __name__ == '__main__':
    main()
