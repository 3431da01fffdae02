#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Nms: greedy suppression of sorted boxes. One workgroup a picture: for each
 * box still alive, in order, all lanes strike out what overlaps it.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/frame.glsl"

#define LANES 128
#define MOST 1024

layout (local_size_x = LANES) in;
layout (push_constant) uniform Push { fov_push_detect_nms push; FOV_FAR_ADDRESS };

shared vec4 boxes[MOST];
shared int labels[MOST]; /* -1: struck out */

float area (vec4 b)
{
    return max (b.z - b.x, 0.0) * max (b.w - b.y, 0.0);
}

bool overlap (vec4 a, vec4 b, float limit)
{
    float w = max (min (a.z, b.z) - max (a.x, b.x), 0.0);
    float h = max (min (a.w, b.w) - max (a.y, b.y), 0.0);
    float inter = w * h;
    return inter > limit * (area (a) + area (b) - inter);
}

void main ()
{
    int lane = int (gl_LocalInvocationID.x), picture = int (gl_WorkGroupID.x);
    int frame = push.frame + picture * push.frame_step;
    float limit = frame_float (frame + FRAME_IOU);
    bool agnostic = frame_int (frame + FRAME_AGNOSTIC) != 0;
    int rows = push.rows + picture * push.k * 6, k = push.k, m = push.m;
    int to = push.dst + picture * m * 6;
    int n = clamp (arena_int[push.n_rows + picture], 0, k), kept = 0;
    bool suppress = push.suppress != 0;

    for (int i = lane; i < n; i += LANES) {
        int at = rows + i * 6;
        boxes[i] = vec4 (arena[at], arena[at + 1], arena[at + 2], arena[at + 3]);
        labels[i] = int (arena[at + 5]);
    }
    barrier ();
    for (int i = 0; i < n && kept < m; i++) {
        /* Whoever struck out i did so before an earlier barrier: all lanes see the same. */
        if (labels[i] < 0)
            continue;
        if (lane < 6)
            arena[to + kept * 6 + lane] = arena[rows + i * 6 + lane];
        kept++;
        if (suppress) {
            vec4 box = boxes[i];
            int label = labels[i];
            for (int j = i + 1 + lane; j < n; j += LANES)
                if ((agnostic || labels[j] == label) && overlap (box, boxes[j], limit))
                    labels[j] = -1;
            barrier ();
        }
    }
    for (int i = kept * 6 + lane; i < m * 6; i += LANES)
        arena[to + i] = 0.0;
    if (lane == 0)
        arena_int[push.count + picture] = kept;
}
