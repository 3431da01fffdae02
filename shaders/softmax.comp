#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planar x, y [outer][size][inner]; along size: y = exp (x - max) / sum of exp (x - max),
 * or with LOG: y = x - max - log of that sum. A lane does one line.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool LOG = false;
layout (push_constant) uniform Push { fov_push_reduce push; FOV_FAR_ADDRESS };

void main ()
{
    int inner = push.inner, size = push.size;
    int o = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (o, push.n - 1);
    int outer = divide (q, inner), line = outer * size * inner + (q - outer * inner);
    int from = push.src + line, to = push.dst + line;
    float most = fetch_arena (from), sum = 0.0;
    for (int k = 1; k < size; k++)
        most = max (most, fetch_arena (from + k * inner));
    for (int k = 0; k < size; k++)
        sum += exp (fetch_arena (from + k * inner) - most);
    float factor = 1.0 / sum, shift = most + log (sum);
    for (int k = 0; k < size; k++) {
        float x = fetch_arena (from + k * inner);
        float y = LOG ? x - shift : exp (x - most) * factor;
        if (o < push.n)
            arena[to + k * inner] = y;
    }
}
