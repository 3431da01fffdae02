#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planar [N][C][H W] <-> blocked [N][C4][H W][4], or blocked -> [N][H W][C].
 * Unused channels become 0. Offsets in floats; the blocked side starts at a vec4.
 * ALIGNED: so do all planes (or pixels) of the other.
 * Workgroups of 64: x: pixels, 4 neighbours per lane; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool TO_BLOCKED = true;
layout (constant_id = 1) const bool CONSTANT = false;
layout (constant_id = 2) const bool ALIGNED = false;
layout (constant_id = 3) const bool CHANNELS_LAST = false;
layout (push_constant) uniform Push { fov_push_reorder push; FOV_FAR_ADDRESS };

vec4 fetch4 (int at)
{
    return CONSTANT ? texelFetch (const_texels, at) : texelFetch (arena_texels, at);
}

void main ()
{
    int plane = int (gl_WorkGroupID.y), n = plane / push.c4, block = plane - n * push.c4;
    int pixels = push.pixels, used = min (push.channels - block * 4, 4);
    int first = int (gl_GlobalInvocationID.x) * 4, packed = plane * pixels + first;
    int spread = (n * push.channels + block * 4) * pixels + first, step = pixels;
    if (CHANNELS_LAST) {
        step = push.channels;
        spread = (n * pixels + first) * step + block * 4;
    }
    packed += (TO_BLOCKED ? push.dst : push.src) / 4;
    spread += TO_BLOCKED ? push.src : push.dst;
    int count = min (pixels - first, 4), lines = CHANNELS_LAST ? count : used;
    int length = CHANNELS_LAST ? used : count; /* of a line, at the spread side */

    mat4 m = mat4 (0); /* TO_BLOCKED: a column is a channel, else a pixel */
    [[unroll]] for (int k = 0; k < 4; k++) {
        if (!TO_BLOCKED) {
            m[k] = fetch4 (k < count ? packed + k : 0);
        } else if (ALIGNED) {
            m[k] = fetch4 (k < used && count > 0 ? (spread + k * pixels) / 4 : 0);
            m[k] = k < used ? m[k] : vec4 (0);
        } else {
            [[unroll]] for (int j = 0; j < 4; j++) {
                int at = spread + k * pixels + j;
                bool there = k < used && j < count;
                float v = CONSTANT ? fetch_const (there ? at : 0) : fetch_arena (there ? at : 0);
                m[k][j] = there ? v : 0.0;
            }
        }
    }
    if (!CHANNELS_LAST)
        m = transpose (m);
    [[unroll]] for (int k = 0; k < 4; k++) {
        if (TO_BLOCKED) {
            if (k < count)
                store (packed + k, m[k]);
        } else if (ALIGNED) {
            if (k < lines && length > 0)
                store ((spread + k * step) / 4, m[k]);
        } else {
            [[unroll]] for (int j = 0; j < 4; j++)
                if (k < lines && j < length)
                    arena[spread + k * step + j] = m[k][j];
        }
    }
}
