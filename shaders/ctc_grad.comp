#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gradient of fov.Ctc by its scores, [N][T][C]: dy (p - what ctc.comp found of the class in the
 * label), of log probabilities. A lane does one; workgroups of 64 cover n.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int LENGTH = 3;
layout (constant_id = 1) const int LABEL_WORDS = 2;
layout (constant_id = 2) const bool CONSTANT = false; /* dy */
layout (push_constant) uniform Push { fov_push_ctc push; FOV_FAR_ADDRESS };

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int line = divide (q, push.classes), c = q - line * push.classes, n = divide (line, push.steps);
    int kept = push.kept + line * LENGTH;
    float share = c == push.blank ? fetch_arena (kept) : 0.0;
    for (int s = 0; s < LENGTH / 2; s++) {
        int label = arena_int[push.labels + (n * (LENGTH / 2) + s) * LABEL_WORDS];
        if (label == -1)
            break;
        if (c == push.blank || c == label)
            share += fetch_arena (kept + 2 * s + (c == push.blank ? 2 : 1));
    }
    float dy = fetch_masked (CONSTANT ? 1 : 0, 0, push.dy + n);
    float d = dy * (exp (fetch_arena (push.scores + q)) - share);
    if (i < push.n)
        arena[push.dst + i] = d;
}
