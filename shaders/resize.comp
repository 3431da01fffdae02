#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resize: y[oy][ox] = sum over i, j of rows[oy][i].w columns[ox][j].w x[rows[oy][i].at][...],
 * blocked. The constants hold (at, weight, -, -) per tap: nearest has 1, linear 2, cubic 4, with
 * antialias more.
 * Workgroups of 64: x: output pixels; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int TAPS = 2;
layout (push_constant) uniform Push { fov_push_resize push; };

void main ()
{
    int p = int (gl_GlobalInvocationID.x), plane = int (gl_WorkGroupID.y);
    int pixels = push.oh * push.ow, q = min (p, pixels - 1);
    int oy = divide (q, push.ow), ox = q - oy * push.ow;
    int src = push.src + plane * push.h * push.w;
    vec4 column[TAPS];
    [[unroll]] for (int j = 0; j < TAPS; j++)
        column[j] = texelFetch (const_texels, push.columns + ox * TAPS + j);
    vec4 y = vec4 (0);
    [[unroll]] for (int i = 0; i < TAPS; i++) {
        vec4 row = texelFetch (const_texels, push.rows + oy * TAPS + i);
        int at = src + int (row.x) * push.w;
        vec4 line = vec4 (0);
        [[unroll]] for (int j = 0; j < TAPS; j++)
            line += column[j].y * texelFetch (arena_texels, at + int (column[j].x));
        y += row.y * line;
    }
    if (p < pixels)
        arena4[push.dst + plane * pixels + p] = y;
}
