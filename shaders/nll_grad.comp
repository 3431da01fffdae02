#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dx[n][c][p] = -w dy where c is the label of (n, p), w its weight; 0 elsewhere. EACH: dy has an
 * element per label; MEAN: divided by total, the sum of all w. Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int LABEL_WORDS = 2;
layout (constant_id = 1) const int WEIGHT = 0; /* 0 none, 1 arena, 2 constants */
layout (constant_id = 2) const bool EACH = false;
layout (constant_id = 3) const bool MEAN = true;
layout (constant_id = 4) const bool DY_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_nll push; FOV_FAR_ADDRESS };
#include "lib/label.glsl"

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int row = divide (q, push.pixels), pixel = q - row * push.pixels;
    int picture = divide (row, push.classes), c = row - picture * push.classes;
    int at = picture * push.pixels + pixel, label = label_at (at);
    float d = 0.0;
    if (c == label) {
        int from = push.src + (EACH ? at : 0);
        d = -label_weight (label) * (DY_CONSTANT ? fetch_const (from) : fetch_arena (from));
        float total = MEAN ? fetch_arena (push.total) : 1.0;
        d = total != 0.0 ? d / total : d;
    }
    if (i < push.n)
        arena[push.dst + i] = d;
}
