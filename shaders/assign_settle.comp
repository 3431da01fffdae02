#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign, last: who has a place that several objects picked, and weights. SIMOTA: whom it costs
 * least of all objects; weight: the IoU. ALIGNED: whom it overlaps most of those; weight: the metric
 * scaled so that an object's best is as large as its best IoU. One workgroup a picture.
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

/* For each place: how many want it, and the told row that has it. */
#define TAKERS(k) (VALUES + 2 * (k))
#define HOLDER(k) (VALUES + 2 * (k) + 1)

int lane, told;

int row_of (int t)
{
    return arena_int[TOLD + t];
}

double overlap_with (int row, int anchor)
{
    return iou_of (dvec4 (box_at (anchor)), dvec4 (target_box (row)));
}

void write_out (int anchor, int row, double weight)
{
    int at = picture * push.anchors + anchor;
    if (push.row >= 0)
        arena_int[push.row + at] = row;
    if (push.weight >= 0)
        arena_int[push.weight + at] = floatBitsToInt (float (weight));
}

/* Object by object; none picks a place twice. */
void take ()
{
    for (int k = lane; k < arena_int[N_PLACES]; k += LANES) {
        arena_int[TAKERS (k)] = 0;
        arena_int[HOLDER (k)] = -1;
    }
    for (int t = 0; t < told; t++) {
        memoryBarrierBuffer ();
        barrier ();
        int row = row_of (t), picks = PICKS + t * PICK_WORDS, n = row < 0 ? 0 : arena_int[picks];
        for (int i = lane; i < n; i += LANES) {
            int k = arena_int[picks + 1 + i], anchor = arena_int[PLACES + k];
            int held = arena_int[HOLDER (k)];
            arena_int[TAKERS (k)]++;
            if (METHOD == SIMOTA || held < 0 ||
                overlap_with (row_of (held), anchor) < overlap_with (row, anchor))
                arena_int[HOLDER (k)] = t;
        }
    }
    memoryBarrierBuffer ();
    barrier ();
}

int cheapest (int anchor, double none)
{
    double least = 0.0lf;
    int best = -1;
    for (int t = 0; t < told; t++) {
        int row = row_of (t);
        if (row < 0)
            continue;
        double cost = cost_of (row, anchor, overlap_with (row, anchor), none);
        if (best < 0 || cost < least) {
            least = cost;
            best = t;
        }
    }
    return best;
}

void settle_simota ()
{
    for (int k = lane; k < arena_int[N_PLACES]; k += LANES) {
        int takers = arena_int[TAKERS (k)], t = arena_int[HOLDER (k)];
        if (takers == 0)
            continue;
        int anchor = arena_int[PLACES + k];
        if (takers > 1)
            t = cheapest (anchor, load_double (NOTES + 2 * k));
        write_out (anchor, row_of (t), overlap_with (row_of (t), anchor));
    }
}

/* An object's share; a lane does it all. */
void weigh_picks (int t)
{
    int row = row_of (t), picks = PICKS + t * PICK_WORDS, n = arena_int[picks];
    double top_metric = 0.0lf, top_iou = 0.0lf;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < n; i++) {
            int k = arena_int[picks + 1 + i], anchor = arena_int[PLACES + k];
            if (arena_int[HOLDER (k)] != t)
                continue;
            double iou = overlap_with (row, anchor), metric = metric_of (row, anchor, iou);
            if (pass == 1)
                write_out (anchor, row, metric / top_metric * top_iou);
            top_metric = max (top_metric, metric);
            top_iou = max (top_iou, iou);
        }
}

void main ()
{
    lane = int (gl_LocalInvocationID.x);
    start_picture (int (gl_WorkGroupID.x));
    told = arena_int[N_TOLD];
    take ();
    if (METHOD == SIMOTA)
        settle_simota ();
    for (int t = lane; METHOD == ALIGNED && t < told; t += LANES)
        if (row_of (t) >= 0)
            weigh_picks (t);
}
