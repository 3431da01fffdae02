#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Decode: the sort key of every class of the chosen anchors, pairs[j * classes
 * + c] of the j-th. A lane an anchor, y over pictures.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/frame.glsl"
#include "lib/heads.glsl"

layout (local_size_x = 64) in;
layout (push_constant) uniform Push { fov_push_detect_rows push; FOV_FAR_ADDRESS };
#include "lib/anchor.glsl"

void main ()
{
    int lane = int (gl_GlobalInvocationID.x), picture = int (gl_WorkGroupID.y);
    int scratch = push.scratch + picture * push.step;
    if (lane >= arena_int[scratch + push.n_anchors])
        return;
    Place p = place_of (arena_int[scratch + push.anchors + lane], picture);
    float threshold = frame_float (push.frame + picture * push.frame_step + FRAME_THRESHOLD);
    int n = head_int (HEADS_CLASSES), background = head_int (HEADS_BACKGROUND);
    int coding = head_int (HEADS_SCORE_CODING);
    int at = field_at (p, LEVEL_SCORE), component = head_int (p.level + LEVEL_SCORE + 2);
    float power = head_float (HEADS_SCORE_POWER), object = 1.0, top = -3.4e38, sum = 0.0;

    if (field_there (p, LEVEL_OBJECT)) {
        object = arena[field_at (p, LEVEL_OBJECT)];
        if (head_int (HEADS_OBJECT_CODING) == SCORE_SIGMOID)
            object = sigmoid (object);
        object = powered (object, head_float (HEADS_OBJECT_POWER));
    }
    if (coding == SCORE_SOFTMAX) {
        for (int c = 0; c < n + background; c++)
            top = max (top, arena[at + c * component]);
        for (int c = 0; c < n + background; c++)
            sum += exp (arena[at + c * component] - top);
    }
    at += background * component;
    for (int c = 0; c < n; c++) {
        float score = arena[at + c * component];
        if (coding == SCORE_SIGMOID)
            score = sigmoid (score);
        else if (coding == SCORE_SOFTMAX)
            score = exp (score - top) / sum;
        score = powered (score, power) * object;
        arena_int[scratch + push.pairs + lane * n + c] = int (score_key (score, threshold));
    }
}
