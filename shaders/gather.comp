#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[o][i][j] = x[o][indices[i]][j], in 4-byte words.
 * Workgroups of 64: x: j, y: i, z: o.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool CONSTANT = false;
layout (constant_id = 1) const int INDEX = 0;
layout (push_constant) uniform Push { fov_push_gather push; FOV_FAR_ADDRESS };
#include "lib/indices.glsl"

void main ()
{
    int j = int (gl_GlobalInvocationID.x), i = int (gl_WorkGroupID.y), o = int (gl_WorkGroupID.z);
    int from = push.src + (o * push.size + index_at (i, push.size)) * push.inner +
               min (j, push.inner - 1);
    float v = CONSTANT ? fetch_const (from) : fetch_arena (from);
    if (j < push.inner)
        arena_int[push.dst + (o * push.count + i) * push.inner + j] = floatBitsToInt (v);
}
