#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign, SSD: each object has the anchor that it overlaps most, the best of all pairs first;
 * then anchors have the object that they overlap enough; of the others all but the most mistaken
 * are left out. Of equal ones the first. One workgroup a picture.
 */
#extension GL_GOOGLE_include_directive : require
#define FOV_COHERENT coherent
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (push_constant) uniform Push { fov_push_assign push; FOV_FAR_ADDRESS };
#include "lib/assign.glsl"
#include "lib/find.glsl"

/* Of each told row: its best anchor that is free, and their IoU, negative once it is served. */
#define BEST_AT(t) (PICKS + (t) * PICK_WORDS)
#define BEST(t) (PICKS + (t) * PICK_WORDS + 1)
#define HOLDER(i) (PLACES + (i)) /* the told row of an anchor, or -1 */
#define LEFT_OUT(i) (VALUES + (i))
#define MISTAKE(i) (NOTES + 2 * (i)) /* -1: no negative */

int lane, told;

int row_of (int t)
{
    return arena_int[TOLD + t];
}

double overlap_with (int row, int anchor)
{
    dvec4 p = dvec4 (place_at (anchor));
    precise dvec2 low = p.xy - p.zw / 2.0lf, high = p.xy + p.zw / 2.0lf;
    return iou_of (dvec4 (low, high), dvec4 (target_box (row)));
}

void settle ()
{
    memoryBarrierBuffer ();
    barrier ();
}

void find_best (int t)
{
    double best = 0.0lf;
    int at = -1, row = row_of (t);
    for (int i = lane; i < push.anchors; i += LANES) {
        double iou = overlap_with (row, i);
        if (iou > best && arena_int[HOLDER (i)] < 0) {
            best = iou;
            at = i;
        }
    }
    find_largest (best, at);
    if (lane == 0) {
        arena_int[BEST_AT (t)] = at;
        store_double (BEST (t), at < 0 ? -1.0lf : best);
    }
    settle ();
}

void give_each_one ()
{
    for (int t = 0; t < told; t++)
        if (row_of (t) >= 0)
            find_best (t);
    for (int round = 0; round < told; round++) {
        double best = 0.0lf;
        int winner = -1;
        for (int t = lane; t < told; t += LANES)
            if (row_of (t) >= 0 && load_double (BEST (t)) > best) {
                best = load_double (BEST (t));
                winner = t;
            }
        find_largest (best, winner);
        if (winner < 0)
            break;
        int anchor = arena_int[BEST_AT (winner)];
        barrier ();
        if (lane == 0) {
            arena_int[HOLDER (anchor)] = winner;
            store_double (BEST (winner), -1.0lf);
        }
        settle ();
        for (int t = 0; t < told; t++)
            if (row_of (t) >= 0 && load_double (BEST (t)) > 0.0lf && arena_int[BEST_AT (t)] == anchor)
                find_best (t);
    }
}

/* How wrong an anchor without an object is. */
double mistake_of (int anchor)
{
    double first = logit_at (anchor, 0);
    precise double sum = 0.0lf;
    for (int c = 0; c < push.columns; c++) {
        double x = logit_at (anchor, c);
        if (BACKGROUND)
            sum += exp_of (x - first);
        else
            sum += max (x, 0.0lf) + log_of_1_and (exp_of (-abs (x)));
    }
    return BACKGROUND ? max (log_of (sum), 0.0lf) : sum;
}

/* Counts of positives and negatives come back. */
ivec2 give_what_overlaps ()
{
    ivec2 n = ivec2 (0);
    for (int i = lane; i < push.anchors; i += LANES) {
        int t = arena_int[HOLDER (i)], best = -1;
        double most = 0.0lf;
        for (int o = 0; t < 0 && o < told; o++) {
            if (row_of (o) < 0)
                continue;
            double iou = overlap_with (row_of (o), i);
            if (best < 0 || iou > most) {
                most = iou;
                best = o;
            }
        }
        if (best >= 0 && most > double (push.overlap))
            t = best;
        bool negative = t < 0 && arena_int[LEFT_OUT (i)] == 0;
        arena_int[HOLDER (i)] = t;
        store_double (MISTAKE (i), negative ? mistake_of (i) : -1.0lf);
        n += ivec2 (t >= 0 ? 1 : 0, negative ? 1 : 0);
    }
    n.x = count_all (n.x);
    n.y = count_all (n.y);
    settle ();
    return n;
}

/* Negatives of at least this mistake; or of just that and before this anchor. */
int count_mistakes (double least, int before)
{
    int n = 0;
    for (int i = lane; i < push.anchors; i += LANES) {
        double m = load_double (MISTAKE (i));
        n += (before < 0 ? m >= least : m == least && i < before) ? 1 : 0;
    }
    return count_all (n);
}

/* The most-th largest mistake, bit by bit: as words, numbers that are not negative are in order. */
double find_limit (int most)
{
    uvec2 limit = uvec2 (0u);
    for (int bit = 62; bit >= 0; bit--) {
        uvec2 higher = limit;
        higher[bit / 32] |= 1u << (bit & 31);
        if (count_mistakes (packDouble2x32 (higher), -1) >= most)
            limit = higher;
    }
    return packDouble2x32 (limit);
}

/* Before this anchor, n mistakes are as large as the limit. */
int find_end (double limit, int n)
{
    int end = 0;
    for (int bit = 29; bit >= 0; bit--) {
        int later = end | 1 << bit;
        if (later <= push.anchors && count_mistakes (limit, later) <= n)
            end = later;
    }
    return end;
}

void write_out (bool crowded, double limit, int end)
{
    for (int i = lane; i < push.anchors; i += LANES) {
        int t = arena_int[HOLDER (i)], at = picture * push.anchors + i;
        double m = load_double (MISTAKE (i));
        bool learns = t >= 0 || (m >= 0.0lf && (!crowded || m > limit || (m == limit && i < end)));
        if (push.row >= 0)
            arena_int[push.row + at] = t >= 0 ? row_of (t) : -1;
        if (push.weight >= 0)
            arena_int[push.weight + at] = floatBitsToInt (learns ? 1.0 : 0.0);
    }
}

void main ()
{
    lane = int (gl_LocalInvocationID.x);
    start_picture (int (gl_WorkGroupID.x));
    told = arena_int[N_TOLD];
    for (int i = lane; i < push.anchors; i += LANES) {
        vec4 place = place_at (i);
        int out_of_it = 0;
        for (int t = 0; t < told; t++)
            if (row_of (t) < 0 && is_inside (place, target_box (~row_of (t))))
                out_of_it = 1;
        arena_int[LEFT_OUT (i)] = out_of_it;
        arena_int[HOLDER (i)] = -1;
    }
    settle ();
    give_each_one ();
    ivec2 n = give_what_overlaps ();
    double share = double (push.negatives) * double (max (n.x, 1));
    bool crowded = share < double (n.y);
    int most = crowded ? max (int (share), 0) : n.y, end = 0;
    double limit = 0.0lf;
    crowded = most < n.y;
    if (crowded && most > 0) {
        limit = find_limit (most);
        end = find_end (limit, most - (count_mistakes (limit, -1) - count_mistakes (limit, push.anchors)));
    } else if (crowded) {
        limit = packDouble2x32 (uvec2 (0u, 0x7ff00000u));
    }
    write_out (crowded, limit, end);
}
