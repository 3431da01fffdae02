#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As conv_grad, of a depthwise convolution: dw[c][ky][kx] = sum of dy[n][c][p] x[n][c][..].
 * A lane adds up all taps of a block of 4 channels over every LANES-th pixel of a chunk.
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
    int plane = push.plane * block, out_plane = push.out_plane * block;
    int first = int (gl_WorkGroupID.z) * push.chunk, end = min (first + push.chunk, push.pixels);
    int steps = (end - first + LANES - 1) / LANES, q = first + lane;

    vec4 sum[TAPS];
    [[unroll]] for (int t = 0; t < TAPS; t++)
        sum[t] = vec4 (0);
    for (int s = 0; s < steps; s++) {
        Pixel p = pixel_at (q, end);
        vec4 dy = texelFetch (arena_texels, p.dy > 0 ? p.dy + out_plane : 0);
        [[unroll]] for (int t = 0; t < TAPS; t++)
            sum[t] += dy * texelFetch (arena_texels, max (tap_at (p, t / KW, t % KW) + plane, 0));
        q += LANES;
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
