#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Decode, first look at one level: the best class score of every anchor as a
 * sort key (lib/heads.glsl), 0 where it is below the threshold.
 * MODE 0: a lane an anchor, any strides. MODE 1: the classes of an anchor are
 * neighbours: a lane walks the texels that hold them. MODE 2: anchors are neighbours and
 * aligned: a lane takes four at once. Grid: lanes over anchors, y over pictures.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/frame.glsl"
#include "lib/heads.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int MODE = 0;
layout (push_constant) uniform Push { fov_push_detect_scan push; FOV_FAR_ADDRESS };

#define LOWEST -3.4e38

float value (int at)
{
    return texelFetch (arena_texels, at >> 2)[at & 3];
}

float best_raw (int at)
{
    int n = push.n_classes, component = push.score_component;
    float best = LOWEST;
    at += push.background * component;
    if (MODE == 1) {
        int last = at + n - 1;
        for (int t = at >> 2; t <= last >> 2; t++) {
            vec4 v = texelFetch (arena_texels, t);
            int e = t << 2;
            best = max (best, e >= at ? v.x : LOWEST);
            best = max (best, e + 1 >= at && e + 1 <= last ? v.y : LOWEST);
            best = max (best, e + 2 >= at && e + 2 <= last ? v.z : LOWEST);
            best = max (best, e + 3 <= last ? v.w : LOWEST);
        }
    } else {
        for (int c = 0; c < n; c++)
            best = max (best, value (at + c * component));
    }
    return best;
}

/* Sum of exp (x - top) over all classes and the background. */
float softmax_sum (int at, float top)
{
    int n = push.n_classes + push.background, component = push.score_component;
    float sum = 0.0;
    for (int c = 0; c < n; c++)
        sum += exp (min (value (at + c * component) - top, 80.0));
    return sum;
}

float activated (float raw, int at)
{
    if (push.score_coding == SCORE_SIGMOID)
        return sigmoid (raw);
    if (push.score_coding == SCORE_SOFTMAX)
        return 1.0 / softmax_sum (at, raw);
    return raw;
}

uint key_of (float raw, int at, int prior, int cell, int picture, float threshold)
{
    float score = powered (activated (raw, at), push.score_power);
    if (push.object >= 0) {
        float object = value (push.object + prior * push.object_prior + cell * push.object_cell +
                              picture * push.object_picture);
        if (push.object_coding == SCORE_SIGMOID)
            object = sigmoid (object);
        score *= powered (object, push.object_power);
    }
    return score_key (score, threshold);
}

void main ()
{
    int picture = int (gl_WorkGroupID.y);
    float threshold = frame_float (push.frame + picture * push.frame_step + FRAME_THRESHOLD);
    int cells = push.cells, lane = int (gl_GlobalInvocationID.x) * (MODE == 2 ? 4 : 1);
    int prior = lane / cells, cell = lane - prior * cells;
    bool inside = prior < push.n_priors;
    int at = push.score + prior * push.score_prior + cell * push.score_cell +
             picture * push.score_picture;
    int out_at = push.keys + picture * push.keys_step + lane;
    if (!inside)
        at = push.score;

    if (MODE == 2) {
        int texel = (at + push.background * push.score_component) >> 2;
        int n = push.n_classes, component = push.score_component >> 2;
        vec4 best = vec4 (LOWEST);
        for (int c = 0; c < n; c++)
            best = max (best, texelFetch (arena_texels, texel + c * component));
        if (inside)
            for (int i = 0; i < 4; i++)
                arena_int[out_at + i] = int (
                    key_of (best[i], at + i, prior, cell + i, picture, threshold));
    } else {
        float best = best_raw (at);
        if (inside)
            arena_int[out_at] = int (key_of (best, at, prior, cell, picture, threshold));
    }
}
