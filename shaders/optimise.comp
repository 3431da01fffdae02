#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One step of an optimiser, elementwise, of a tensor and its moments: runtime/ops/optimiser.c has
 * the formulas. KIND: 0 Momentum, 1 with Nesterov's, 2 Adagrad, 3 Adam, 4 fov.AdamW, 5 the same
 * with the decay in the gradient, 6 fov.Ema (x the average, g what it follows).
 * Results may go where what they stem from lies. Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const bool STEPPED = true; /* not the first step; ONNX's T > 0 */
layout (push_constant) uniform Push { fov_push_optimise push; FOV_FAR_ADDRESS };

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), j = min (i, push.n - 1);
    float rate = fetch_arena (push.rate), x = fetch_arena (push.x + j);
    float g = fetch_arena (push.g + j), m = 0.0, v = 0.0, decay = push.decay;
    if (KIND < 6)
        m = fetch_arena (push.m + j);
    if (KIND >= 3 && KIND < 6)
        v = fetch_arena (push.v + j);
    if (KIND < 2) {
        g += decay * x;
        m = push.a * m + (STEPPED ? push.b : 1.0) * g;
        x -= rate * (KIND == 1 ? g + push.a * m : m);
    } else if (KIND == 2) {
        g += decay * x;
        m += g * g;
        x -= rate * push.a * g / (sqrt (m) + push.epsilon);
    } else if (KIND < 6) {
        float c1 = push.correction1, c2 = push.correction2;
        if (KIND > 3) {
            c1 = fetch_arena (push.rate + 1);
            c2 = fetch_arena (push.rate + 2);
        }
        if (KIND == 4)
            x *= 1.0 - rate * decay;
        else
            g += decay * x;
        m = push.a * m + (1.0 - push.a) * g;
        v = push.b * v + (1.0 - push.b) * g * g;
        if (KIND == 3)
            x = (1.0 - push.decay_after) * (x - rate * c1 * m / (sqrt (v) + push.epsilon));
        else
            x -= rate / c1 * m / (sqrt (v / c2) + push.epsilon);
    } else {
        x += rate * (g - x);
    }
    if (i >= push.n)
        return;
    arena[push.x_out + i] = x;
    if (KIND < 6)
        arena[push.m_out + i] = m;
    if (KIND >= 3 && KIND < 6)
        arena[push.v_out + i] = v;
}
