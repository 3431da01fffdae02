#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""embed.py OUT.c NAME.spv...: writes the SPIR-V modules into one C table, sorted by name."""
import hashlib
import pathlib
import struct
import sys


def words(path):
    data = path.read_bytes()
    if len(data) % 4 or struct.unpack('<I', data[:4])[0] != 0x07230203:
        sys.exit(f'{path}: not a little-endian SPIR-V module')
    return struct.unpack(f'<{len(data) // 4}I', data)


def main(out, paths):
    paths = sorted(map(pathlib.Path, paths), key=lambda p: p.stem)
    digest = hashlib.sha256()
    lines = ['/* made by shaders/embed.py */', '#include "gpu/shader-table.h"', '']
    table = []
    for i, path in enumerate(paths):
        module = words(path)
        digest.update(path.stem.encode() + path.read_bytes())
        lines.append(f'static const guint32 words_{i}[] = {{')
        lines += [', '.join(f'0x{w:x}' for w in module[k:k + 12]) + ','
                  for k in range(0, len(module), 12)]
        lines.append('};')
        table.append(f'    {{ "{path.stem}", words_{i}, {len(module)} }},')
    lines += ['const FovShader fov_shader_table[] = {', *table, '};',
              f'const guint fov_n_shaders = {len(paths)};',
              f'const char fov_shader_digest[] = "{digest.hexdigest()}";', '']
    pathlib.Path(out).write_text('\n'.join(lines))


main(sys.argv[1], sys.argv[2:])
