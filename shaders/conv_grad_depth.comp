#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As conv_grad, of a depthwise convolution: dw[c][ky][kx] = sum of dy[n][c][p] x[n][c][..].
 * A lane adds up all taps of a block of 4 channels over every LANES-th pixel of a chunk of each picture.
 * Workgroups: x: blocks; z: chunks.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int KH = 3;
layout (constant_id = 2) const int KW = 3;
layout (push_constant) uniform Push { fov_push_conv_grad push; FOV_FAR_ADDRESS };
#include "lib/window.glsl"

const int TAPS = KH * KW;
shared vec4 part[LANES * TAPS];

void main ()
{
    int lane = int (gl_LocalInvocationID.x), block = int (gl_WorkGroupID.x);
    int w = push.w, h = push.h, ow = push.ow, dilation_y = push.dilation_y;
    int dilation_x = push.dilation_x, sy = push.stride_y, sx = push.stride_x, m4 = push.m4;
    int out_plane = push.out_plane, plane = push.plane, images = push.images;
    int first = int (gl_WorkGroupID.z) * push.chunk, end = min (first + push.chunk, out_plane);
    int steps = (end - first + LANES - 1) / LANES;
    int dy_at = push.dy + out_plane * block, x_at = push.x + plane * block;
    Walk start = walk_from (first + lane, 0, 0);

    vec4 sum[TAPS];
    [[unroll]] for (int t = 0; t < TAPS; t++)
        sum[t] = vec4 (0);
    for (int n = 0; n < images; n++) {
        Walk p = start;
        for (int s = 0; s < steps; s++) {
            bool there = p.q < end;
            vec4 dy = texelFetch (arena_texels, there ? dy_at + p.q : 0);
            [[unroll]] for (int ky = 0; ky < KH; ky++) {
                int iy = p.iy + ky * dilation_y, row = x_at + iy * w;
                bool in_row = there && iy >= 0 && iy < h;
                [[unroll]] for (int kx = 0; kx < KW; kx++) {
                    int ix = p.ix + kx * dilation_x;
                    bool inside = in_row && ix >= 0 && ix < w;
                    sum[ky * KW + kx] += dy * texelFetch (arena_texels, inside ? row + ix : 0);
                }
            }
            p = walk_on (p, sy, sx, ow);
        }
        dy_at += m4 * out_plane;
        x_at += m4 * plane;
    }

    [[unroll]] for (int t = 0; t < TAPS; t++)
        part[t * LANES + lane] = sum[t];
    barrier ();
    for (int t = lane; t < TAPS; t += LANES) {
        vec4 total = vec4 (0);
        for (int l = 0; l < LANES; l++)
            total += part[t * LANES + l];
        for (int k = 0; k < 4; k++)
            if (block * 4 + k < push.m)
                arena[push.dst + int (gl_WorkGroupID.z) * push.n + (block * 4 + k) * TAPS + t] =
                    total[k];
    }
}
