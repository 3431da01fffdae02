#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a tile's histograms (augment_bins) to its curve: what the middle of each bin becomes, with
 * no bin above the limit and what is above spread over all. Workgroups of 64, one a tile; a lane
 * has four neighbouring bins.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool BLOCKED = true;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"
#include "lib/tiles.glsl"

shared float sums[64];

void main ()
{
    int tile = int (gl_WorkGroupID.x), lane = int (gl_LocalInvocationID.x), n = look_tiles ();
    int parts = tile < n * n ? tile_parts (n) : 0, bins = push.bins + 4 * lane;
    float clip = look_float (LOOK_CLIP), limit = clip > 0.0 ? clip / 256.0 : 1.0;
    Tile t = tile_at (tile, n);
    float whole = float (tile_area (t)) * float (1 << tile_bits (t));
    uvec4 counts = uvec4 (0);

    for (int part = 0; part < parts; part++)
        [[unroll]] for (int k = 0; k < 4; k++)
            counts[k] += uint (arena_int[bins + (tile * parts + part) * (BINS + 1) + k]);
    vec4 share = min (vec4 (counts) / whole, vec4 (limit));
    sums[lane] = share.x + share.y + share.z + share.w;
    barrier ();
    float before = 0.0, all = 0.0;
    for (int i = 0; i < (parts > 0 ? 64 : 0); i++) {
        before += i < lane ? sums[i] : 0.0;
        all += sums[i];
    }
    float spread = max (1.0 - all, 0.0) / 256.0;
    [[unroll]] for (int k = 0; k < 4; k++) {
        float middle = before + 0.5 * share[k] + spread * (float (4 * lane + k) + 0.5);
        before += share[k];
        if (parts > 0)
            arena_int[push.curves + tile * BINS + 4 * lane + k] = floatBitsToInt (255.0 * middle);
    }
}
