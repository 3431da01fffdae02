#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planar [N][C][H W] <-> blocked [N][C4][H W][4]. Unused channels become 0.
 * Offsets in floats; the blocked side starts at a vec4.
 * Workgroups of 64: x: pixels; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool TO_BLOCKED = true;
layout (constant_id = 1) const bool CONSTANT = false;
layout (push_constant) uniform Push { fov_push_reorder push; };

void main ()
{
    int plane = int (gl_WorkGroupID.y), n = plane / push.c4, block = plane - n * push.c4;
    int first = int (gl_WorkGroupID.x) * 256 + int (gl_LocalInvocationID.x);
    int pixels = push.pixels, channels = push.channels, src = push.src, dst = push.dst;
    [[unroll]] for (int j = 0; j < 4; j++) {
        int p = first + j * 64;
        if (p >= pixels)
            return;
        int packed = plane * pixels + p;
        int spread = (n * channels + block * 4) * pixels + p;
        vec4 v = vec4 (0);
        if (!TO_BLOCKED)
            v = CONSTANT ? const4[src / 4 + packed] : texelFetch (arena_texels, src / 4 + packed);
        [[unroll]] for (int k = 0; k < 4; k++) {
            if (block * 4 + k >= channels)
                break;
            int at = spread + k * pixels;
            if (TO_BLOCKED)
                v[k] = CONSTANT ? const1[src + at] : arena[src + at];
            else
                arena[dst + at] = v[k];
        }
        if (TO_BLOCKED)
            arena4[dst / 4 + packed] = v;
    }
}
