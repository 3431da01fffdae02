/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_FETCH_GLSL
#define FOV_FETCH_GLSL

/* Single floats through texels: on some devices several times faster than from a storage buffer. */
float pick (vec4 v, int k)
{
    return k < 2 ? (k == 0 ? v.x : v.y) : (k == 2 ? v.z : v.w);
}

float fetch_arena (int at)
{
    return pick (texelFetch (arena_texels, at >> 2), at & 3);
}

float fetch_const (int at)
{
    return pick (texelFetch (const_texels, at >> 2), at & 3);
}

/* Of an operand that may be a constant: bit i of mask says so. */
float fetch_masked (int mask, int i, int at)
{
    return (mask >> i & 1) != 0 ? fetch_const (at) : fetch_arena (at);
}

#endif
