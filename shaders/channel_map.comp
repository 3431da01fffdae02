#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output channel c is some channel of some input, blocked all. Per channel the
 * constants hold three ints: the source block's first texel in picture 0, the
 * channel within it (-1: an unused output channel), texels from one picture to the next.
 * Workgroups of 64: x: pixels, 4 per lane; y: blocks of 4 output channels; z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x = 64) in;
layout (push_constant) uniform Push { fov_push_channel_map push; };

void main ()
{
    int block = int (gl_WorkGroupID.y), n = int (gl_WorkGroupID.z), pixels = push.pixels;
    int first = int (gl_WorkGroupID.x) * 256 + int (gl_LocalInvocationID.x);
    int src[4], lane[4];
    [[unroll]] for (int k = 0; k < 4; k++) {
        int at = push.map + (block * 4 + k) * 3;
        src[k] = const_int[at] + n * const_int[at + 2];
        lane[k] = const_int[at + 1];
    }
    [[unroll]] for (int j = 0; j < 4; j++) {
        int p = first + j * 64, q = min (p, pixels - 1);
        vec4 y;
        [[unroll]] for (int k = 0; k < 4; k++) {
            vec4 v = texelFetch (arena_texels, src[k] + q);
            y[k] = lane[k] < 0 ? 0.0 : lane[k] == 0 ? v.x : lane[k] == 1 ? v.y
                 : lane[k] == 2 ? v.z : v.w;
        }
        if (p < pixels)
            arena4[push.dst + (n * push.c4 + block) * pixels + p] = y;
    }
}
