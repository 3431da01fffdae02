#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dx[o][s][j] = sum of dy[o][i][j] over the i whose index is s. Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int INDEX = 0;
layout (push_constant) uniform Push { fov_push_gather_grad push; FOV_FAR_ADDRESS };
#include "lib/indices.glsl"

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int row = divide (q, push.inner), j = q - row * push.inner;
    int o = divide (row, push.size), s = row - o * push.size, count = push.count;
    float sum = 0.0;
    for (int k = 0; k < count; k++)
        if (index_at (k, push.size) == s)
            sum += fetch_arena (push.src + (o * count + k) * push.inner + j);
    if (i < push.n)
        arena[push.dst + i] = sum;
}
