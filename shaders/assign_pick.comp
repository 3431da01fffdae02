#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign: the places that each object picks. SIMOTA: those that cost it least, as many as its
 * best IoUs add up to (one at least); ALIGNED: the best `top` by score and box. Of equal ones the
 * first. Workgroups: x: slots, y: pictures; a slot does each slots-th row.
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

int n_places, lane, values;

/* What comes behind the last one in falling order of the values from `first` on. */
void find_next (int first, inout double value, inout int at)
{
    double last = value, best = 0.0lf;
    int last_at = at, found = -1;
    for (int k = lane; k < n_places; k += LANES) {
        double v = load_double (first + 2 * k);
        bool behind = last_at < 0 || v < last || (v == last && k > last_at);
        if (behind && (found < 0 || v > best)) {
            best = v;
            found = k;
        }
    }
    find_largest (best, found);
    value = best;
    at = found;
}

/* IoU, and the negative cost or the metric, of all places. */
void rate_places (int row)
{
    dvec4 box = dvec4 (target_box (row));
    for (int k = lane; k < n_places; k += LANES) {
        int anchor = arena_int[PLACES + k];
        double iou = iou_of (dvec4 (box_at (anchor)), box), rate;
        if (METHOD == SIMOTA)
            rate = -cost_of (row, anchor, iou, load_double (NOTES + 2 * k));
        else
            rate = is_inside (place_at (anchor), vec4 (box)) ? metric_of (row, anchor, iou) : 0.0lf;
        store_double (values + 2 * k, iou);
        store_double (values + 2 * (push.anchors + k), rate);
    }
    memoryBarrierBuffer ();
    barrier ();
}

int count_places ()
{
    double iou = 0.0lf;
    precise double sum = 0.0lf;
    int at = -1;
    for (int m = 0; m < min (push.top, n_places); m++) {
        find_next (values, iou, at);
        if (at < 0 || !(iou > 0.0lf))
            break;
        sum += iou;
    }
    return max (int (sum), 1);
}

void main ()
{
    lane = int (gl_LocalInvocationID.x);
    start_picture (int (gl_WorkGroupID.y));
    n_places = arena_int[N_PLACES];
    values = VALUES + int (gl_WorkGroupID.x) * VALUE_WORDS;
    int told = arena_int[N_TOLD], slots = int (gl_NumWorkGroups.x);
    for (int t = int (gl_WorkGroupID.x); t < told; t += slots) {
        int row = arena_int[TOLD + t], picks = PICKS + t * PICK_WORDS, n = 0;
        if (row < 0)
            continue;
        rate_places (row);
        int most = min (METHOD == SIMOTA ? count_places () : push.top, n_places), at = -1;
        double rate = 0.0lf;
        for (; n < most; n++) {
            find_next (values + 2 * push.anchors, rate, at);
            if (at < 0 || (METHOD == ALIGNED && !(rate > 0.0lf)))
                break;
            if (lane == 0)
                arena_int[picks + 1 + n] = at;
        }
        if (lane == 0)
            arena_int[picks] = n;
        barrier ();
    }
}
