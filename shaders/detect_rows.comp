#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Decode, the end: the chosen pairs sorted by falling key, then position, and
 * their boxes decoded (the formulas stand at FovBoxCoding). One workgroup a picture.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/frame.glsl"
#include "lib/heads.glsl"

#define LANES 128
#define MOST 1024

layout (local_size_x = LANES) in;
layout (push_constant) uniform Push { fov_push_detect_rows push; FOV_FAR_ADDRESS };
#include "lib/anchor.glsl"

shared uint keys[MOST];
shared int places[MOST];

bool before (int a, int b)
{
    return keys[a] > keys[b] || (keys[a] == keys[b] && places[a] < places[b]);
}

/* Bitonic; size is a power of two. */
void sort (int lane, int size)
{
    for (int run = 2; run <= size; run <<= 1)
        for (int gap = run >> 1; gap > 0; gap >>= 1) {
            for (int i = lane; i < size / 2; i += LANES) {
                int a = (i / gap) * gap * 2 + i % gap, b = a + gap;
                bool falling = (a & run) == 0;
                if (before (b, a) == falling) {
                    uint key = keys[a];
                    int place = places[a];
                    keys[a] = keys[b];
                    places[a] = places[b];
                    keys[b] = key;
                    places[b] = place;
                }
            }
            barrier ();
        }
}

/* Mean of the distribution over a side's bins. */
float expected_bin (int at, int component, int n)
{
    float top = -3.4e38, sum = 0.0, mean = 0.0;
    for (int k = 0; k < n; k++)
        top = max (top, arena[at + k * component]);
    for (int k = 0; k < n; k++) {
        float e = exp (arena[at + k * component] - top);
        sum += e;
        mean += float (k) * e;
    }
    return n == 1 ? top : mean / sum;
}

float size_exp (float t)
{
    return exp (min (t, MAX_LOG_SIZE));
}

/* Centre and size along one axis. */
vec2 axis_of (Place p, int axis, float t, float s)
{
    float step = head_float (p.level + LEVEL_STEP + axis), origin = head_float (HEADS_ORIGIN);
    int grid_w = head_int (p.level + LEVEL_GRID_W);
    float g = float (axis == 1 ? p.cell / grid_w : p.cell % grid_w);
    float prior =
        head_float (p.level + (axis == 1 ? LEVEL_PRIOR_H : LEVEL_PRIOR_W) + p.prior);
    float net = float (head_int (axis == 1 ? HEADS_NET_H : HEADS_NET_W));
    int at = head_int (HEADS_PRIORS) + p.cell * 4 + axis;

    switch (head_int (HEADS_BOX_CODING)) {
    case BOX_CENTER:
        return vec2 (t * step, s * step);
    case BOX_GRID_EXP:
        return vec2 ((t + g + origin) * step, size_exp (s) * step);
    case BOX_TANH:
        return vec2 ((tanh (clamp (t, -15.0, 15.0)) + g) * step, sigmoid (s) * net);
    case BOX_ANCHOR_EXP:
        return vec2 ((sigmoid (t) + g) * step, size_exp (s) * prior);
    case BOX_ANCHOR_SQUARE:
        return vec2 ((2.0 * sigmoid (t) - 0.5 + g) * step, 4.0 * sigmoid (s) * sigmoid (s) * prior);
    default:
        return vec2 ((t * head_float (HEADS_VARIANCE) * const1[at + 2] + const1[at]) * step,
                     size_exp (s * head_float (HEADS_VARIANCE + 1)) * const1[at + 2] * step);
    }
}

/* Low and high edge along one axis. */
vec2 edges (Place p, int axis)
{
    int at = field_at (p, LEVEL_BOX), component = head_int (p.level + LEVEL_BOX + 2);
    int c = head_int (HEADS_SWAP_XY) != 0 ? 1 - axis : axis, coding = head_int (HEADS_BOX_CODING);
    int bins = head_int (HEADS_BINS);
    float step = head_float (p.level + LEVEL_STEP + axis);
    vec2 e;

    if (coding == BOX_CORNERS) {
        e = vec2 (arena[at + c * component], arena[at + (c + 2) * component]) * step;
    } else if (coding == BOX_DISTANCE) {
        int grid_w = head_int (p.level + LEVEL_GRID_W);
        float g = float (axis == 1 ? p.cell / grid_w : p.cell % grid_w) + head_float (HEADS_ORIGIN);
        e = vec2 (g - expected_bin (at + c * bins * component, component, bins),
                  g + expected_bin (at + (c + 2) * bins * component, component, bins)) * step;
    } else {
        vec2 a = axis_of (p, axis, arena[at + c * component], arena[at + (c + 2) * component]);
        e = vec2 (a.x - a.y * 0.5, a.x + a.y * 0.5);
    }
    return clamp (e, -MAX_COORDINATE, MAX_COORDINATE);
}

void main ()
{
    int lane = int (gl_LocalInvocationID.x), picture = int (gl_WorkGroupID.x);
    int scratch = push.scratch + picture * push.step;
    int count = clamp (arena_int[scratch + push.n_chosen], 0, push.k);
    int classes = head_int (HEADS_CLASSES);
    int rows = push.rows + picture * push.k * 6, size = 1;

    while (size < count)
        size <<= 1;
    for (int i = lane; i < size; i += LANES) {
        keys[i] = i < count ? uint (arena_int[scratch + push.best + i]) : 0u;
        places[i] = i < count ? arena_int[scratch + push.chosen + i] : 0x7fffffff;
    }
    barrier ();
    sort (lane, size);
    for (int i = lane; i < push.k; i += LANES) {
        vec2 x = vec2 (0.0), y = vec2 (0.0);
        float score = 0.0, label = 0.0;
        if (i < count) {
            /* With one class the first choice was the last: places are anchors. */
            int pair = places[i], j = pair / classes;
            int anchor = classes == 1 ? pair : arena_int[scratch + push.anchors + j];
            Place p = place_of (anchor, picture);
            x = edges (p, 0);
            y = edges (p, 1);
            score = uintBitsToFloat (keys[i]);
            label = float (pair - j * classes);
            if (field_there (p, LEVEL_LABEL))
                label = clamp (roundEven (arena[field_at (p, LEVEL_LABEL)]), 0.0, 1e6);
            if (classes == 1 && !field_there (p, LEVEL_LABEL))
                label = 0.0;
        }
        arena[rows + i * 6] = x.x;
        arena[rows + i * 6 + 1] = y.x;
        arena[rows + i * 6 + 2] = x.y;
        arena[rows + i * 6 + 3] = y.y;
        arena[rows + i * 6 + 4] = score;
        arena[rows + i * 6 + 5] = label;
    }
    if (lane == 0)
        arena_int[push.count + picture] = count;
}
