#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Depthwise convolution: y[c][oy][ox] = act (sum over ky, kx of
 *     w[c][ky][kx] x[c][oy SY - pad_y + ky DY][ox sx - pad_x + kx dx] + bias[c] + r)
 * Blocked in and out. Weights: [c4][kx][ky][4].
 * A lane computes 4 channels of R rows of one column.
 * Workgroups: x: LANES columns, y: R rows, z: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int KW = 3;
layout (constant_id = 2) const int R = 4;
layout (constant_id = 3) const int ACT = 0;
layout (constant_id = 4) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 5) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 6) const int KH = 3;
layout (constant_id = 7) const int SY = 1;
layout (constant_id = 8) const int DY = 1;
layout (push_constant) uniform Push { fov_push_conv push; };

const int ROWS = (R - 1) * SY + (KH - 1) * DY + 1;
const int OUTSIDE = -(1 << 30); /* a sum with it is negative, and goes to texel 0, which is 0 */

void main ()
{
    int c4 = push.c4, w = push.w, h = push.h, dx = push.dilation_x;
    int oh = push.oh, ow = push.ow, plane = int (gl_WorkGroupID.z), block = plane % c4;
    int ox = int (gl_WorkGroupID.x) * LANES + int (gl_LocalInvocationID.x);
    int oy = int (gl_WorkGroupID.y) * R;
    int left = ox * push.stride_x - push.pad_x;

    int row[ROWS];
    [[unroll]] for (int i = 0; i < ROWS; i++) {
        int y = oy * SY - push.pad_y + i;
        row[i] = y >= 0 && y < h ? push.src + (plane * h + y) * w : OUTSIDE;
    }
    vec4 sum[R];
    vec4 bias = texelFetch (const_texels, push.bias + block);
    [[unroll]] for (int r = 0; r < R; r++)
        sum[r] = bias;
    int at = push.weights + block * KW * KH;
    for (int kx = 0; kx < KW; kx++) {
        int x = left + kx * dx;
        int column = x >= 0 && x < w ? x : OUTSIDE;
        vec4 k[KH];
        [[unroll]] for (int ky = 0; ky < KH; ky++)
            k[ky] = texelFetch (const_texels, at + ky);
        [[unroll]] for (int i = 0; i < ROWS; i++) {
            vec4 v = texelFetch (arena_texels, max (row[i] + column, 0));
            [[unroll]] for (int ky = 0; ky < KH; ky++) {
                int r = i - ky * DY;
                if (r >= 0 && r % SY == 0 && r / SY < R)
                    sum[r / SY] += k[ky] * v;
            }
        }
        at += KH;
    }

    [[unroll]] for (int r = 0; r < R; r++) {
        if (ox >= ow || oy + r >= oh)
            continue;
        int o = (plane * oh + oy + r) * ow + ox;
        vec4 y = sum[r];
        if (RESIDUAL == 1)
            y += arena4[push.residual + o];
        y = act (y, ACT, push.a, push.b);
        if (RESIDUAL == 2)
            y += arena4[push.residual + o];
        if (KEEP && block == c4 - 1)
            y = keep_channels (y, push.keep);
        arena4[push.dst + o] = y;
    }
}
