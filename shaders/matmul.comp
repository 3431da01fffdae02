#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[b][i][j] = alpha sum over k of A[b][i][k] B[b][k][j] + beta C[i][j]; planar, any strides.
 * PACKED: B is packed as [k4][j][4], A's rows are contiguous and start at a vec4.
 * Workgroups of 32 columns j: x: columns, y: 4 rows i, z: b.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"

layout (local_size_x = 32) in;
layout (constant_id = 0) const bool PACKED = false;
layout (constant_id = 1) const bool A_CONSTANT = false;
layout (constant_id = 2) const bool B_CONSTANT = false;
layout (constant_id = 3) const int C_PLACE = 0; /* 0 none, 1 arena, 2 constants */
layout (constant_id = 4) const int ROWS = 4;
layout (constant_id = 5) const bool PACKED_HERE = false; /* PACKED, but B lies in the arena */
layout (push_constant) uniform Push { fov_push_matmul push; FOV_FAR_ADDRESS };

float fetch (int at, bool constant)
{
    return constant ? fetch_const (at) : fetch_arena (at);
}

void main ()
{
    int batch = int (gl_WorkGroupID.z), i0 = int (gl_WorkGroupID.y) * ROWS;
    int j = int (gl_GlobalInvocationID.x), jj = min (j, push.n - 1), m = push.m, n = push.n;
    int a[ROWS], b = push.b + batch * push.b_batch + (PACKED ? jj : jj * push.b_j);
    int a_k = push.a_k, b_k = push.b_k;
    float sum[ROWS];
    [[unroll]] for (int r = 0; r < ROWS; r++) {
        a[r] = push.a + batch * push.a_batch + min (i0 + r, m - 1) * push.a_i;
        a[r] = PACKED ? a[r] / 4 : a[r];
        sum[r] = 0.0;
    }
    int steps = PACKED ? push.k / 4 : push.k;
    for (int k = 0; k < steps; k++) {
        if (PACKED) {
            vec4 w = PACKED_HERE ? texelFetch (arena_texels, b) : texelFetch (const_texels, b);
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[r] += dot (w, texelFetch (arena_texels, a[r] + k));
            b += n;
        } else {
            float w = fetch (b, B_CONSTANT);
            [[unroll]] for (int r = 0; r < ROWS; r++)
                sum[r] += w * fetch (a[r] + k * a_k, A_CONSTANT);
            b += b_k;
        }
    }
    [[unroll]] for (int r = 0; r < ROWS; r++) {
        int i = i0 + r;
        float y = push.alpha * sum[r];
        int at = push.c + min (i, m - 1) * push.c_i + jj * push.c_j;
        if (C_PLACE == 1)
            y += push.beta * fetch_arena (at);
        if (C_PLACE == 2)
            y += push.beta * fetch_const (at);
        if (i < m && j < n)
            arena[push.dst + (batch * m + i) * n + j] = y;
    }
}
