#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 1x1 convolution, stride 1: y[m][p] = act (sum over c of w[m][c] x[c][p] + bias[m] + r[m][p]).
 * Blocked in and out; pixels p of a picture in one row. Weights: [oc block][c4][M][4 ic].
 * A lane computes M output channels of N pixels, LANES apart.
 * Push constants are read before any loop or branch: some drivers read them per lane elsewhere.
 * Workgroups: x: LANES * N pixels each, y: blocks of M channels, z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/store.glsl"
#include "lib/weights.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 8;
layout (constant_id = 1) const int M = 16;
layout (constant_id = 2) const int N = 4;
layout (constant_id = 3) const int ACT = 0;
layout (constant_id = 4) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 5) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (push_constant) uniform Push { fov_push_conv push; };

void main ()
{
    const int weight_lane = WEIGHT_LANE;
    int block = int (gl_WorkGroupID.y), n = int (gl_WorkGroupID.z);
    int pixels = push.h * push.w, c4 = push.c4, m4 = push.m4, used = push.keep;
    int dst = push.dst, residual = push.residual;
    float a = push.a, b = push.b;
    int p0 = int (gl_WorkGroupID.x) * LANES * N + int (gl_LocalInvocationID.x);
    int x[N];
    [[unroll]] for (int i = 0; i < N; i++)
        x[i] = push.src + n * c4 * pixels + min (p0 + i * LANES, pixels - 1);
    int at = push.weights + block * c4 * M;

    float sum[M][N];
    [[unroll]] for (int m = 0; m < M; m += 4) {
        vec4 bias = texelFetch (const_texels, push.bias + block * (M / 4) + m / 4);
        [[unroll]] for (int k = 0; k < 4; k++)
            [[unroll]] for (int i = 0; i < N; i++)
                sum[m + k][i] = bias[k];
    }
    for (int c = 0; c < c4; c++) {
        vec4 v[N];
        [[unroll]] for (int i = 0; i < N; i++) {
            v[i] = texelFetch (arena_texels, x[i]);
            x[i] += pixels;
        }
        [[unroll]] for (int k = 0; k < M; k += 8) {
            vec4 fetched = FETCH_WEIGHTS (at + k);
            [[unroll]] for (int j = 0; j < 8; j++) {
                vec4 w = WEIGHT (fetched, at + k, j);
                [[unroll]] for (int i = 0; i < N; i++) {
                    float s = sum[k + j][i];
                    s += w.x * v[i].x;
                    s += w.y * v[i].y;
                    s += w.z * v[i].z;
                    s += w.w * v[i].w;
                    sum[k + j][i] = s;
                }
            }
        }
        at += M;
    }

    int out0 = (n * m4 + block * (M / 4)) * pixels;
    [[unroll]] for (int m = 0; m < M / 4; m++) {
        int mm = block * (M / 4) + m;
        [[unroll]] for (int i = 0; i < N; i++) {
            int p = p0 + i * LANES;
            if (mm >= m4 || p >= pixels)
                continue;
            vec4 y = vec4 (sum[m * 4][i], sum[m * 4 + 1][i], sum[m * 4 + 2][i],
                           sum[m * 4 + 3][i]);
            int o = out0 + m * pixels + p;
            if (RESIDUAL == 1)
                y += texelFetch (arena_texels, residual + o);
            y = act (y, ACT, a, b);
            if (RESIDUAL == 2)
                y += texelFetch (arena_texels, residual + o);
            if (KEEP && mm == m4 - 1)
                y = keep_channels (y, used);
            store (dst + o, y);
        }
    }
}
