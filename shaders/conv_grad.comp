#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gradient of a convolution of one group by its weights, x and dy blocked, dw planar:
 *   dw[m][c][ky][kx] = sum over pictures n and pixels p of dy[n][m][p] x[n][c][what tap of p sees]
 * A lane adds up, for MB x CB blocks of 4 channels and one tap, every LANES-th pixel of a chunk of
 * each picture; the lanes' sums are put together in order, and the chunks' by another kernel.
 * Workgroups: x: tiles of m, then of c; y: taps; z: chunks.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int MB = 2;
layout (constant_id = 2) const int CB = 2;
layout (constant_id = 3) const bool WINDOW = true; /* not 1x1, stride 1, no padding */
layout (push_constant) uniform Push { fov_push_conv_grad push; FOV_FAR_ADDRESS };
#include "lib/window.glsl"

const int SUMS = MB * CB * 16;
shared float part[LANES * SUMS];

void main ()
{
    int lane = int (gl_LocalInvocationID.x), tap = int (gl_WorkGroupID.y);
    int ky = tap / push.kw, kx = tap - ky * push.kw, m4 = push.m4, c4 = push.c4;
    int tiles = (m4 + MB - 1) / MB, c_tile = int (gl_WorkGroupID.x) / tiles;
    int m0 = (int (gl_WorkGroupID.x) - c_tile * tiles) * MB, c0 = c_tile * CB;
    int plane = push.plane, out_plane = push.out_plane, w = push.w, h = push.h, ow = push.ow;
    int sy = push.stride_y, sx = push.stride_x, images = push.images;
    int first = int (gl_WorkGroupID.z) * push.chunk, end = min (first + push.chunk, out_plane);
    int steps = (end - first + LANES - 1) / LANES;
    Walk start = walk_from (first + lane, ky, kx);

    /* Blocks that are not there are read as the last one; their sums go nowhere. */
    int dy_at[MB], x_at[CB];
    [[unroll]] for (int m = 0; m < MB; m++)
        dy_at[m] = push.dy + min (m0 + m, m4 - 1) * out_plane;
    [[unroll]] for (int c = 0; c < CB; c++)
        x_at[c] = push.x + min (c0 + c, c4 - 1) * plane;
    float sum[MB * 4][CB * 4];
    [[unroll]] for (int m = 0; m < MB * 4; m++)
        [[unroll]] for (int c = 0; c < CB * 4; c++)
            sum[m][c] = 0.0;
    for (int n = 0; n < images; n++) {
        Walk p = start;
        for (int s = 0; s < steps; s++) {
            bool there = p.q < end, inside = there;
            int at = p.q;
            if (WINDOW) {
                inside = inside && p.iy >= 0 && p.iy < h && p.ix >= 0 && p.ix < w;
                at = p.iy * w + p.ix;
            }
            vec4 dy[MB], x[CB];
            [[unroll]] for (int m = 0; m < MB; m++)
                dy[m] = texelFetch (arena_texels, there ? dy_at[m] + p.q : 0);
            [[unroll]] for (int c = 0; c < CB; c++)
                x[c] = texelFetch (arena_texels, inside ? x_at[c] + at : 0);
            [[unroll]] for (int m = 0; m < MB * 4; m++)
                [[unroll]] for (int c = 0; c < CB * 4; c++)
                    sum[m][c] += dy[m / 4][m % 4] * x[c / 4][c % 4];
            if (WINDOW)
                p = walk_on (p, sy, sx, ow);
            else
                p.q += LANES;
        }
        [[unroll]] for (int m = 0; m < MB; m++)
            dy_at[m] += m4 * out_plane;
        [[unroll]] for (int c = 0; c < CB; c++)
            x_at[c] += c4 * plane;
    }

    [[unroll]] for (int m = 0; m < MB * 4; m++)
        [[unroll]] for (int c = 0; c < CB * 4; c++)
            part[(m * CB * 4 + c) * LANES + lane] = sum[m][c];
    barrier ();
    for (int i = lane; i < SUMS; i += LANES) {
        int m = m0 * 4 + i / (CB * 4), c = c0 * 4 + i % (CB * 4);
        float total = 0.0;
        for (int l = 0; l < LANES; l++)
            total += part[i * LANES + l];
        if (m < push.m && c < push.c)
            arena[push.dst + int (gl_WorkGroupID.z) * push.n +
                  (m * push.c + c) * push.kh * push.kw + tap] = total;
    }
}
