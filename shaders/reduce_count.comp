#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What reduce_grad needs to know of a line of planar x [outer][size][inner]: two floats,
 * EXTREMUM: how many equal the result y; else the product of those that are not 0, and the number
 * of those that are. A lane does one line.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool EXTREMUM = true;
layout (push_constant) uniform Push { fov_push_reduce push; FOV_FAR_ADDRESS };

void main ()
{
    int inner = push.inner, size = push.size;
    int o = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (o, push.n - 1);
    int outer = divide (q, inner), at = push.src + outer * size * inner + (q - outer * inner);
    float y = fetch_arena (push.whole + q), product = 1.0, count = 0.0;
    for (int k = 0; k < size; k++) {
        float x = fetch_arena (at);
        at += inner;
        if (x == (EXTREMUM ? y : 0.0))
            count += 1.0;
        else
            product *= x;
    }
    if (o >= push.n)
        return;
    arena[push.dst + 2 * o] = EXTREMUM ? count : product;
    arena[push.dst + 2 * o + 1] = count;
}
