#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of runs brought to mean 0 and variance 1, x^ = (x - mean) / s, from u, the gradient by x^:
 *   dx = (u - mean (u) - x^ mean (u x^)) / s; x^ is given too.
 * A workgroup does a run. Workgroups: x, y: runs.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (push_constant) uniform Push { fov_push_norm_grad push; FOV_FAR_ADDRESS };
#include "lib/lanes.glsl"

void main ()
{
    int group = flat_group (), lane = int (gl_LocalInvocationID.x), run = push.run;
    bool there = group < push.n;
    int first = min (group, push.n - 1) * run, steps = (run + LANES - 1) / LANES;
    vec4 sum = vec4 (0);
    for (int s = 0; s < steps; s++) {
        int i = s * LANES + lane;
        float x = fetch_arena (push.src + first + min (i, run - 1));
        sum.x += i < run ? x : 0.0;
    }
    float mean = lane_sum (sum).x / float (run);
    sum = vec4 (0);
    for (int s = 0; s < steps; s++) {
        int i = s * LANES + lane;
        float x = fetch_arena (push.src + first + min (i, run - 1)) - mean;
        sum.x += i < run ? x * x : 0.0;
    }
    float inverse = 1.0 / sqrt (lane_sum (sum).x / float (run) + push.epsilon);
    sum = vec4 (0);
    for (int s = 0; s < steps; s++) {
        int i = s * LANES + lane, at = first + min (i, run - 1);
        float x = (fetch_arena (push.src + at) - mean) * inverse, u = fetch_arena (push.u + at);
        sum += i < run ? vec4 (u, u * x, 0, 0) : vec4 (0);
    }
    sum = lane_sum (sum) / float (run);
    for (int s = 0; s < steps; s++) {
        int i = s * LANES + lane, at = first + min (i, run - 1);
        float x = (fetch_arena (push.src + at) - mean) * inverse, u = fetch_arena (push.u + at);
        if (!there || i >= run)
            continue;
        arena[push.dst + at] = (u - sum.x - x * sum.y) * inverse;
        if (push.normal >= 0)
            arena[push.normal + at] = x;
    }
}
