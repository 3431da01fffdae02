#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As conv_grad, of any convolution: a workgroup makes one element of dw, its lanes adding up every
 * LANES-th pixel of a chunk. push.m, push.c: channels of a group of dy and of x.
 * Workgroups: x, y: elements; z: chunks.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (push_constant) uniform Push { fov_push_conv_grad push; FOV_FAR_ADDRESS };
#include "lib/window.glsl"

shared float part[LANES];

void main ()
{
    int lane = int (gl_LocalInvocationID.x), o = flat_group (), i = min (o, push.n - 1);
    int taps = push.kh * push.kw, row = divide (i, taps), tap = i - row * taps;
    int m = divide (row, push.c), c = row - m * push.c + divide (m, push.m) * push.c;
    int ky = divide (tap, push.kw), kx = tap - ky * push.kw;
    int plane = push.plane * (c / 4), out_plane = push.out_plane * (m / 4);
    int first = int (gl_WorkGroupID.z) * push.chunk, end = min (first + push.chunk, push.pixels);
    int steps = (end - first + LANES - 1) / LANES, q = first + lane;

    float sum = 0.0;
    for (int s = 0; s < steps; s++) {
        Pixel p = pixel_at (q, end);
        float dy = texelFetch (arena_texels, p.dy > 0 ? p.dy + out_plane : 0)[m & 3];
        sum += dy * texelFetch (arena_texels, max (tap_at (p, ky, kx) + plane, 0))[c & 3];
        q += LANES;
    }
    part[lane] = sum;
    barrier ();
    if (lane > 0 || o >= push.n)
        return;
    for (int l = 1; l < LANES; l++)
        sum += part[l];
    arena[push.dst + int (gl_WorkGroupID.z) * push.n + i] = sum;
}
