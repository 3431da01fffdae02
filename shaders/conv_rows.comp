#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Convolution of any kernel, stride and dilation, one group:
 *   y[m][oy][ox] = act (sum over c, ky, kx of
 *       w[m][c][ky][kx] x[c][oy SY - pad_y + ky DY][ox sx - pad_x + kx dx] + bias[m] + r)
 * Blocked in and out. Weights: [oc block][c4][kx][ky][M][4 ic].
 * A lane computes M output channels of R rows of one column; an input row is
 * fetched once for all output rows that it touches.
 * y's pixels may lie apart: a transposed convolution is one of these per phase of its stride.
 * Workgroups: x: LANES columns, y: R rows, z: (picture, block of M channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/weights.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int M = 8;
layout (constant_id = 2) const int R = 4;
layout (constant_id = 3) const int ACT = 0;
layout (constant_id = 4) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 5) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 6) const int KH = 3;
layout (constant_id = 7) const int SY = 1;
layout (constant_id = 8) const int DY = 1;
layout (constant_id = 9) const int CHANNELS = 4; /* of the first block: pictures have 3, or 1 */
layout (push_constant) uniform Push { fov_push_conv push; };

const int ROWS = (R - 1) * SY + (KH - 1) * DY + 1;
const int OUTSIDE = -(1 << 30); /* a sum with it is negative, and goes to texel 0, which is 0 */

void main ()
{
    const int weight_lane = WEIGHT_LANE;
    int blocks = push.blocks, c4 = push.c4, m4 = push.m4, w = push.w, h = push.h, kw = push.kw;
    int oh = push.oh, ow = push.ow, dx = push.dilation_x;
    int n = int (gl_WorkGroupID.z) / blocks, block = int (gl_WorkGroupID.z) - n * blocks;
    int ox = int (gl_WorkGroupID.x) * LANES + int (gl_LocalInvocationID.x);
    int oy = int (gl_WorkGroupID.y) * R;
    int left = ox * push.stride_x - push.pad_x;

    int row[ROWS];
    [[unroll]] for (int i = 0; i < ROWS; i++) {
        int y = oy * SY - push.pad_y + i;
        row[i] = y >= 0 && y < h ? push.src + n * c4 * h * w + y * w : OUTSIDE;
    }
    float sum[M][R];
    [[unroll]] for (int m = 0; m < M; m += 4) {
        vec4 bias = texelFetch (const_texels, push.bias + block * (M / 4) + m / 4);
        [[unroll]] for (int k = 0; k < 4; k++)
            [[unroll]] for (int r = 0; r < R; r++)
                sum[m + k][r] = bias[k];
    }

    int at = push.weights + block * c4 * kw * KH * M;
    int steps = c4 * kw, kx = 0, channel = 0;
    for (int step = 0; step < steps; step++) {
        int x = left + kx * dx;
        int column = x >= 0 && x < w ? x + channel : OUTSIDE;
        vec4 v[ROWS];
        [[unroll]] for (int i = 0; i < ROWS; i++)
            v[i] = texelFetch (arena_texels, max (row[i] + column, 0));
        [[unroll]] for (int ky = 0; ky < KH; ky++) {
            [[unroll]] for (int b = 0; b < M; b += 8) {
                vec4 fetched = FETCH_WEIGHTS (at + ky * M + b);
                [[unroll]] for (int j = 0; j < 8; j++) {
                    vec4 k = WEIGHT (fetched, at + ky * M + b, j);
                    [[unroll]] for (int r = 0; r < R; r++) {
                        vec4 q = v[r * SY + ky * DY];
                        float s = sum[b + j][r];
                        s += k.x * q.x;
                        if (CHANNELS > 1)
                            s += k.y * q.y;
                        if (CHANNELS > 2)
                            s += k.z * q.z;
                        if (CHANNELS > 3)
                            s += k.w * q.w;
                        sum[b + j][r] = s;
                    }
                }
            }
        }
        at += KH * M;
        kx++;
        channel = kx == kw ? channel + h * w : channel;
        kx = kx == kw ? 0 : kx;
    }

    int out0 = (n * m4 + block * (M / 4)) * push.out_plane + ox * push.out_step;
    [[unroll]] for (int m = 0; m < M / 4; m++) {
        int mm = block * (M / 4) + m;
        [[unroll]] for (int r = 0; r < R; r++) {
            if (mm >= m4 || ox >= ow || oy + r >= oh)
                continue;
            vec4 y = vec4 (sum[m * 4][r], sum[m * 4 + 1][r], sum[m * 4 + 2][r],
                           sum[m * 4 + 3][r]);
            int o = out0 + m * push.out_plane + (oy + r) * push.out_row;
            if (RESIDUAL == 1)
                y += arena4[push.residual + o];
            y = act (y, ACT, push.a, push.b);
            if (RESIDUAL == 2)
                y += arena4[push.residual + o];
            if (KEEP && mm == m4 - 1)
                y = keep_channels (y, push.keep);
            arena4[push.dst + o] = y;
        }
    }
}
