#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Depthwise convolution of small windows: y[c][oy][ox] = act (sum over ky, kx of
 *     w[c][ky][kx] x[c][oy SY - pad_y + ky DY][ox SX - pad_x + kx DX] + bias[c] + r)
 * Blocked in and out. Weights: [c4][kx][ky][4].
 * A lane walks down a strip of C columns of one block of 4 channels, and holds
 * the input rows that its window covers: each is fetched once.
 * y's pixels may lie apart, as for conv_flat.
 * Workgroups: x: LANES strips, those of all blocks in one row; y: push.rows rows; z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"
#include "lib/store.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 16;
layout (constant_id = 1) const int C = 4;
layout (constant_id = 2) const int ACT = 0;
layout (constant_id = 3) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 4) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 5) const int KH = 3;
layout (constant_id = 6) const int KW = 3;
layout (constant_id = 7) const int SY = 1;
layout (constant_id = 8) const int SX = 1;
layout (constant_id = 9) const int DY = 1;
layout (constant_id = 10) const int DX = 1;
layout (constant_id = 11) const int GIVEN = 0;
#include "lib/weights.glsl"
layout (push_constant) uniform Push { fov_push_conv push; FOV_FAR_ADDRESS };

const int ROWS = (KH - 1) * DY + 1;
const int COLUMNS = (C - 1) * SX + (KW - 1) * DX + 1;
const int HELD = ROWS - SY; /* rows that the next output row needs again; none below 1 */
const int OUTSIDE = -(1 << 30); /* a sum with it is negative, and goes to texel 0, which is 0 */

void main ()
{
    int c4 = push.c4, w = push.w, h = push.h, oh = push.oh, ow = push.ow, used = push.keep;
    int residual = push.residual - push.dst, strips = push.strips, pad_x = push.pad_x;
    int iy = -push.pad_y, weights = push.weights, biases = push.bias, rows = push.rows;
    int src = push.src, dst = push.dst, out_row = push.out_row, out_step = push.out_step;
    float a = push.a, b = push.b;

    int strip = int (gl_WorkGroupID.x) * LANES + int (gl_LocalInvocationID.x);
    bool there = strip < strips * c4;
    strip = min (strip, strips * c4 - 1);
    int block = divide (strip, strips), ox = (strip - block * strips) * C;
    int plane = int (gl_WorkGroupID.z) * c4 + block;
    int oy = int (gl_WorkGroupID.y) * rows, end = min (oy + rows, oh);

    vec4 k[KW * KH];
    [[unroll]] for (int i = 0; i < KW * KH; i++)
        k[i] = weight_texel (weights + block * KW * KH + i);
    vec4 bias = bias_texel (biases + block);
    int column[COLUMNS];
    [[unroll]] for (int i = 0; i < COLUMNS; i++) {
        int x = ox * SX - pad_x + i;
        column[i] = x >= 0 && x < w ? src + plane * h * w + x : OUTSIDE;
    }

    vec4 v[ROWS][COLUMNS];
    iy += oy * SY;
    [[unroll]] for (int r = 0; r < HELD; r++) {
        int y = iy + r, row = y >= 0 && y < h ? y * w : OUTSIDE;
        [[unroll]] for (int i = 0; i < COLUMNS; i++)
            v[min (r + SY, ROWS - 1)][i] = texelFetch (arena_texels, max (row + column[i], 0));
    }
    int o = dst + plane * push.out_plane + oy * out_row + ox * out_step;
    for (; oy < end; oy++) {
        [[unroll]] for (int r = 0; r < HELD; r++)
            [[unroll]] for (int i = 0; i < COLUMNS; i++)
                v[r][i] = v[min (r + SY, ROWS - 1)][i];
        [[unroll]] for (int r = max (HELD, 0); r < ROWS; r++) {
            int y = iy + r, row = y >= 0 && y < h ? y * w : OUTSIDE;
            [[unroll]] for (int i = 0; i < COLUMNS; i++)
                v[r][i] = texelFetch (arena_texels, max (row + column[i], 0));
        }
        [[unroll]] for (int j = 0; j < C; j++) {
            vec4 y = bias;
            [[unroll]] for (int kx = 0; kx < KW; kx++)
                [[unroll]] for (int ky = 0; ky < KH; ky++)
                    y += k[kx * KH + ky] * v[ky * DY][j * SX + kx * DX];
            if (!there || ox + j >= ow)
                continue;
            int to = o + j * out_step;
            if (RESIDUAL == 1)
                y += texelFetch (arena_texels, residual + to);
            y = act (y, ACT, a, b);
            if (RESIDUAL == 2)
                y += texelFetch (arena_texels, residual + to);
            if (KEEP && block == c4 - 1)
                y = keep_channels (y, used);
            store (to, y);
        }
        iy += SY;
        o += out_row;
    }
}
