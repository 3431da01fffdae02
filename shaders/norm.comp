#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planar x in runs of `run` elements, each brought to mean 0 and variance 1:
 *   y[i] = (x[i] - mean) / sqrt (variance + epsilon) * scale[k] + bias[k],
 *   k = i / inner % count.
 * A workgroup does a run: sums its lanes' shares, first of x, then of (x - mean)^2.
 * Workgroups: x, y: runs.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool SCALE_CONSTANT = true;
layout (constant_id = 1) const bool BIAS_CONSTANT = true;
layout (constant_id = 2) const bool BIAS = true;
layout (push_constant) uniform Push { fov_push_norm push; FOV_FAR_ADDRESS };

shared float part[64];

float sum (float v)
{
    int lane = int (gl_LocalInvocationID.x);
    barrier ();
    part[lane] = v;
    barrier ();
    float total = 0.0;
    for (int i = 0; i < 64; i++)
        total += part[i];
    return total;
}

void main ()
{
    int group = flat_group (), lane = int (gl_LocalInvocationID.x), run = push.run;
    bool there = group < push.n;
    int first = min (group, push.n - 1) * run, steps = (run + 63) / 64;
    float v = 0.0;
    for (int s = 0; s < steps; s++) {
        int i = s * 64 + lane;
        v += i < run ? fetch_arena (push.src + first + min (i, run - 1)) : 0.0;
    }
    float mean = sum (v) / float (run);
    v = 0.0;
    for (int s = 0; s < steps; s++) {
        int i = s * 64 + lane;
        float x = fetch_arena (push.src + first + min (i, run - 1)) - mean;
        v += i < run ? x * x : 0.0;
    }
    float inverse = inversesqrt (sum (v) / float (run) + push.epsilon);
    for (int s = 0; s < steps; s++) {
        int i = s * 64 + lane, at = first + min (i, run - 1);
        int k = divide (at, push.inner);
        k -= divide (k, push.count) * push.count;
        float scale = SCALE_CONSTANT ? fetch_const (push.scale + k) : fetch_arena (push.scale + k);
        float y = (fetch_arena (push.src + at) - mean) * inverse * scale;
        if (BIAS)
            y += BIAS_CONSTANT ? fetch_const (push.bias + k) : fetch_arena (push.bias + k);
        if (there && i < run)
            arena[push.dst + at] = y;
    }
}
