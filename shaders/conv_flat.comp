#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Convolution of one group:
 *   y[m][p] = act (sum over ky, kx, c of w[m][c][ky][kx] x[c][pixel of (p, ky, kx)] + bias[m] + r)
 * Blocked in and out; the output's pixels p lie in one row, so that narrow pictures waste no lanes.
 * WINDOW false: 1x1, stride 1, no padding. Weights: [oc block][ky][kx][c4][M][4 ic].
 * A lane computes M output channels of N pixels, LANES apart.
 * y's pixels may lie apart: a transposed convolution is one of these per phase of its stride.
 * Push constants are read before any loop or branch: some drivers read them per lane elsewhere.
 * Workgroups: x: LANES * N pixels each, y: blocks of M channels, z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"
#include "lib/store.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int M = 16;
layout (constant_id = 2) const int N = 4;
layout (constant_id = 3) const int ACT = 0;
layout (constant_id = 4) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 5) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 6) const bool WINDOW = false;
layout (constant_id = 7) const int CHANNELS = 4; /* of a block: pictures have 3, or 1 */
layout (constant_id = 8) const int GIVEN = 0;
#include "lib/weights.glsl"
layout (push_constant) uniform Push { fov_push_conv push; FOV_FAR_ADDRESS };

void main ()
{
    const int weight_lane = WEIGHT_LANE;
    int block = int (gl_WorkGroupID.y), n = int (gl_WorkGroupID.z);
    int c4 = push.c4, m4 = push.m4, h = push.h, w = push.w, plane = h * w, used = push.keep;
    int ow = push.ow, pixels = push.oh * ow, kw = push.kw, taps = push.kh * kw;
    int dx = push.dilation_x, dy = push.dilation_y, pad_x = push.pad_x, pad_y = push.pad_y;
    int stride_x = push.stride_x, stride_y = push.stride_y;
    int out_plane = push.out_plane, out_row = push.out_row, out_step = push.out_step;
    int residual = push.residual - push.dst, src = push.src + n * c4 * plane;
    int dst = push.dst + (n * m4 + block * (M / 4)) * out_plane;
    float a = push.a, b = push.b;
    int p0 = int (gl_WorkGroupID.x) * LANES * N + int (gl_LocalInvocationID.x);
    int x[N], left[N], top[N], out_pixel[N];
    [[unroll]] for (int i = 0; i < N; i++) {
        int p = min (p0 + i * LANES, pixels - 1);
        x[i] = src + p;
        out_pixel[i] = dst + p;
        if (WINDOW) {
            int oy = divide (p, ow), ox = p - oy * ow;
            left[i] = ox * stride_x - pad_x;
            top[i] = oy * stride_y - pad_y;
            out_pixel[i] = dst + oy * out_row + ox * out_step;
        }
    }
    int at = push.weights + block * taps * c4 * M;

    float sum[M][N];
    [[unroll]] for (int m = 0; m < M; m += 4) {
        vec4 bias = bias_texel (push.bias + block * (M / 4) + m / 4);
        [[unroll]] for (int k = 0; k < 4; k++)
            [[unroll]] for (int i = 0; i < N; i++)
                sum[m + k][i] = bias[k];
    }
    int steps = WINDOW ? c4 * taps : c4, c = 0, kx = 0, ky = 0;
    for (int step = 0; step < steps; step++) {
        vec4 v[N];
        if (WINDOW) {
            [[unroll]] for (int i = 0; i < N; i++) {
                int ix = left[i] + kx * dx, iy = top[i] + ky * dy;
                bool inside = ix >= 0 && ix < w && iy >= 0 && iy < h;
                int pixel = inside ? src + c * plane + iy * w + ix : 0;
                v[i] = texelFetch (arena_texels, pixel);
            }
            c++;
            kx = c == c4 ? kx + 1 : kx;
            c = c == c4 ? 0 : c;
            ky = kx == kw ? ky + 1 : ky;
            kx = kx == kw ? 0 : kx;
        } else {
            [[unroll]] for (int i = 0; i < N; i++) {
                v[i] = texelFetch (arena_texels, x[i]);
                x[i] += plane;
            }
        }
        [[unroll]] for (int k = 0; k < M; k += 8) {
            vec4 fetched = FETCH_WEIGHTS (at + k);
            [[unroll]] for (int j = 0; j < 8; j++) {
                vec4 w = WEIGHT (fetched, at + k, j);
                [[unroll]] for (int i = 0; i < N; i++) {
                    float s = sum[k + j][i];
                    s += w.x * v[i].x;
                    if (CHANNELS > 1)
                        s += w.y * v[i].y;
                    if (CHANNELS > 2)
                        s += w.z * v[i].z;
                    if (CHANNELS > 3)
                        s += w.w * v[i].w;
                    sum[k + j][i] = s;
                }
            }
        }
        at += M;
    }

    [[unroll]] for (int m = 0; m < M / 4; m++) {
        int mm = block * (M / 4) + m;
        [[unroll]] for (int i = 0; i < N; i++) {
            if (mm >= m4 || p0 + i * LANES >= pixels)
                continue;
            vec4 y = vec4 (sum[m * 4][i], sum[m * 4 + 1][i], sum[m * 4 + 2][i],
                           sum[m * 4 + 3][i]);
            int o = out_pixel[i] + m * out_plane;
            if (RESIDUAL == 1)
                y += texelFetch (arena_texels, residual + o);
            y = act (y, ACT, a, b);
            if (RESIDUAL == 2)
                y += texelFetch (arena_texels, residual + o);
            if (KEEP && mm == m4 - 1)
                y = keep_channels (y, used);
            store (o, y);
        }
    }
}
