#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign, first: which rows of a picture's targets say something, and which anchors an object
 * may take (inside a box; SIMOTA: or in its centre), both in order. Nothing is assigned yet; what
 * lies in a region has no weight. One workgroup a picture; each lane owns a range.
 */
#extension GL_GOOGLE_include_directive : require
#define FOV_COHERENT coherent
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const int METHOD = 0;
layout (push_constant) uniform Push { fov_push_assign push; FOV_FAR_ADDRESS };
#include "lib/assign.glsl"
#include "lib/find.glsl"

void find_rows (int lane)
{
    int each = (push.rows + LANES - 1) / LANES, n = 0;
    int from = min (lane * each, push.rows), to = min (from + each, push.rows);
    for (int r = from; r < to; r++)
        n += is_region (r) || is_object (r) ? 1 : 0;
    int at = TOLD + count_before (n);
    for (int r = from; r < to; r++) {
        bool region = is_region (r);
        if (region || is_object (r))
            arena_int[at++] = region ? ~r : r;
    }
    n = count_all (n);
    if (lane == 0)
        arena_int[N_TOLD] = n;
    memoryBarrierBuffer ();
    barrier ();
}

/* 1: may be taken, 2: lies in a region */
int look_at (int anchor, int told)
{
    vec4 place = place_at (anchor);
    int found = 0;
    for (int k = 0; k < told; k++) {
        int row = arena_int[TOLD + k];
        vec4 box = target_box (row < 0 ? ~row : row);
        bool inside = is_inside (place, box);
        if (row < 0)
            found |= inside ? 2 : 0;
        else if (METHOD != OVERLAP && (inside || (METHOD == SIMOTA && in_center (place, box))))
            found |= 1;
    }
    return found;
}

void main ()
{
    int lane = int (gl_LocalInvocationID.x), each = (push.anchors + LANES - 1) / LANES, n = 0;
    int from = min (lane * each, push.anchors), to = min (from + each, push.anchors);
    start_picture (int (gl_WorkGroupID.x));
    find_rows (lane);
    int told = arena_int[N_TOLD];
    for (int i = from; i < to; i++) {
        int found = look_at (i, told), at = picture * push.anchors + i;
        arena_int[NOTES + i] = found & 1;
        n += found & 1;
        if (push.row >= 0)
            arena_int[push.row + at] = -1;
        if (push.weight >= 0)
            arena_int[push.weight + at] = floatBitsToInt ((found & 2) != 0 ? 0.0 : 1.0);
    }
    int at = PLACES + count_before (n);
    for (int i = from; i < to; i++)
        if (arena_int[NOTES + i] != 0)
            arena_int[at++] = i;
    n = count_all (n);
    if (lane == 0)
        arena_int[N_PLACES] = n;
}
