/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_INDICES_GLSL
#define FOV_INDICES_GLSL

/* Index i of an axis of size elements; needs push.indices and INDEX: 0 constants, 1 of 32, 2 of 64
 * bits. Negative ones count from the end; what is outside is moved to the nearest end. */
int index_at (int i, int size)
{
    int v = INDEX == 0 ? const_int[push.indices + i]
                       : arena_int[push.indices + i * (INDEX == 2 ? 2 : 1)];
    return clamp (v < 0 ? v + size : v, 0, size - 1);
}

#endif
