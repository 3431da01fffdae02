#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Histograms of luma, of the whole picture or of its tiles: each pixel's share goes to the bin
 * below and the one above. Shares are whole numbers, so their sums have no order. 64 workgroups of
 * LANES, several to a tile: each writes the 257 bins of its rows.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/divide.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const bool BLOCKED = true;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"
#include "lib/tiles.glsl"

shared uint bins[BINS + 1];

void main ()
{
    int group = int (gl_WorkGroupID.x), lane = int (gl_LocalInvocationID.x), n = look_tiles ();
    int parts = tile_parts (n), tile = group / parts, part = group - tile * parts;
    bool blurred = look_blur () > 0.0, used = tile < n * n;
    Tile t = tile_at (tile, n);
    int top = t.y0 + (t.y1 - t.y0) * part / parts, end = t.y0 + (t.y1 - t.y0) * (part + 1) / parts;
    int span = t.x1 - t.x0, count = used ? span * (end - top) : 0;
    int one = 1 << tile_bits (t), last = used ? BINS : -1;
    int corner = top * push.width + t.x0;

    for (int b = lane; b <= last; b += LANES)
        bins[b] = 0u;
    barrier ();
    for (int p = lane; p < count; p += LANES) {
        int row = divide (p, span);
        float v = luma (pixel_at (corner + row * (push.width - span) + p, blurred));
        int b = int (v);
        uint above = uint ((v - float (b)) * float (one) + 0.5);
        atomicAdd (bins[b], uint (one) - above);
        atomicAdd (bins[b + 1], above);
    }
    barrier ();
    for (int b = lane; b <= last; b += LANES)
        arena_int[push.bins + group * (BINS + 1) + b] = int (bins[b]);
}
