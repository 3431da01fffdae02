#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output channel c is some channel of some input, blocked all. For each output block
 * the constants hold SOURCES + 1 texels of integers: for each of the blocks that it takes
 * from the texel that it starts at in picture 0, and texels from one picture to the next; then
 * for each channel source * 4 + channel, or -1: an unused output channel.
 * Workgroups of 64: x: pixels, 4 per lane; y: blocks of 4 output channels; z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int SOURCES = 4;
layout (push_constant) uniform Push { fov_push_channel_map push; FOV_FAR_ADDRESS };

ivec4 fetch_map (int at)
{
    return floatBitsToInt (texelFetch (const_texels, at));
}

void main ()
{
    int block = int (gl_WorkGroupID.y), n = int (gl_WorkGroupID.z), pixels = push.pixels;
    int first = int (gl_WorkGroupID.x) * 256 + int (gl_LocalInvocationID.x);
    int map = push.map + block * (SOURCES + 1), dst = push.dst + (n * push.c4 + block) * pixels;
    int src[SOURCES];
    [[unroll]] for (int s = 0; s < SOURCES; s++) {
        ivec4 from = fetch_map (map + s);
        src[s] = from.x + n * from.y;
    }
    ivec4 channel = fetch_map (map + SOURCES);
    [[unroll]] for (int j = 0; j < 4; j++) {
        int p = first + j * 64, q = min (p, pixels - 1);
        vec4 y = vec4 (0);
        [[unroll]] for (int s = 0; s < SOURCES; s++) {
            vec4 v = texelFetch (arena_texels, src[s] + q);
            [[unroll]] for (int k = 0; k < 4; k++)
                y[k] = channel[k] >> 2 == s ? pick (v, channel[k] & 3) : y[k];
        }
        if (p < pixels)
            store (dst + p, y);
    }
}
