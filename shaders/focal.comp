#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Focal loss of logits x and targets t (runtime/ops/focal.h), planar; GRAD: dy times its slope by x.
 * Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/binary.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool GRAD = false;
layout (constant_id = 1) const int CONSTANT = 0; /* of dy, x, t */
layout (push_constant) uniform Push { fov_push_focal push; FOV_FAR_ADDRESS };

float power (float x, float y)
{
    return binary_pow (vec4 (x), vec4 (y)).x;
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    float x = fetch_masked (CONSTANT, 1, push.x + q), t = fetch_masked (CONSTANT, 2, push.t + q);
    float gamma = push.gamma;
    float small = exp (-abs (x)), share = 1.0 / (1.0 + small);
    float yes = x >= 0.0 ? share : small * share, no = x >= 0.0 ? small * share : share;
    float wrong = t * no + (1.0 - t) * yes;
    float entropy = max (x, 0.0) - t * x + log (1.0 + small);
    float y = power (wrong, gamma) * (GRAD ? yes - t : entropy);
    if (GRAD && wrong > 0.0)
        y += gamma * power (wrong, gamma - 1.0) * (1.0 - 2.0 * t) * yes * no * entropy;
    if (GRAD)
        y *= fetch_masked (CONSTANT, 0, push.dy + q);
    if (push.alpha >= 0.0)
        y *= push.alpha * t + (1.0 - push.alpha) * (1.0 - t);
    if (i < push.n)
        arena[push.dst + i] = y;
}
