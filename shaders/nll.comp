#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of log probabilities x [N][classes][pixels] and labels t, with w of the label (0 of the ignored):
 *   loss = sum of -w x[t] / (MEAN: sum of w). EACH: -w x[t] per label instead.
 * total: of w, for the gradient (push.total >= 0). One workgroup.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const int LABEL_WORDS = 2;
layout (constant_id = 2) const int WEIGHT = 0; /* 0 none, 1 arena, 2 constants */
layout (constant_id = 3) const bool EACH = false;
layout (constant_id = 4) const bool MEAN = true;
layout (constant_id = 5) const bool LOSS = true; /* false: the total alone */
layout (push_constant) uniform Push { fov_push_nll push; FOV_FAR_ADDRESS };
#include "lib/lanes.glsl"
#include "lib/label.glsl"

void main ()
{
    int lane = int (gl_LocalInvocationID.x), steps = (push.n + LANES - 1) / LANES;
    vec4 sum = vec4 (0);
    for (int s = 0; s < steps; s++) {
        int i = s * LANES + lane, q = min (i, push.n - 1), label = label_at (q);
        int picture = divide (q, push.pixels), pixel = q - picture * push.pixels;
        float w = label_weight (label), loss = 0.0;
        if (LOSS && w != 0.0)
            loss = -w * fetch_arena (push.src + (picture * push.classes + label) * push.pixels +
                                     pixel);
        sum += i < push.n ? vec4 (loss, w, 0, 0) : vec4 (0);
        if (EACH && i < push.n)
            arena[push.dst + i] = loss;
    }
    sum = lane_sum (sum);
    if (lane > 0)
        return;
    if (LOSS && !EACH)
        arena[push.dst] = MEAN && sum.y != 0.0 ? sum.x / sum.y : sum.x;
    if (push.total >= 0)
        arena[push.total] = sum.y;
}
