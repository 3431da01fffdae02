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
    int w = push.w, h = push.h, out_plane = push.out_plane;
    int first = int (gl_WorkGroupID.z) * push.chunk, end = min (first + push.chunk, out_plane);
    int steps = (end - first + LANES - 1) / LANES;
    int dy_at = push.dy + out_plane * (m / 4), x_at = push.x + push.plane * (c / 4);
    Walk start = walk_from (first + lane, ky, kx);

    float sum = 0.0;
    for (int n = 0; n < push.images; n++) {
        Walk p = start;
        for (int s = 0; s < steps; s++) {
            bool there = p.q < end;
            bool inside = there && p.iy >= 0 && p.iy < h && p.ix >= 0 && p.ix < w;
            sum += texelFetch (arena_texels, there ? dy_at + p.q : 0)[m & 3] *
                   texelFetch (arena_texels, inside ? x_at + p.iy * w + p.ix : 0)[c & 3];
            p = walk_on (p, push.stride_y, push.stride_x, push.ow);
        }
        dy_at += push.m4 * out_plane;
        x_at += push.c4 * push.plane;
    }
    part[lane] = sum;
    barrier ();
    if (lane > 0 || o >= push.n)
        return;
    for (int l = 1; l < LANES; l++)
        sum += part[l];
    arena[push.dst + int (gl_WorkGroupID.z) * push.n + i] = sum;
}
