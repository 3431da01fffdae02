#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resize: y[oy][ox] = sum over i, j of rows[oy][i].w columns[ox][j].w x[rows[oy][i].at][...],
 * blocked. The constants hold (at, weight, -, -) per tap: nearest has 1, linear 2, cubic 4, with
 * antialias more.
 * Workgroups of 64: x: output pixels; y: PLANES planes (picture, block of 4 channels), which share
 * the taps.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int TAPS = 2;
layout (constant_id = 1) const int PLANES = 4;
layout (push_constant) uniform Push { fov_push_resize push; FOV_FAR_ADDRESS };

void main ()
{
    int p = int (gl_GlobalInvocationID.x), first = int (gl_WorkGroupID.y) * PLANES;
    int w = push.w, plane_size = push.h * w, pixels = push.oh * push.ow, planes = push.planes;
    int src = push.src, dst = push.dst, columns = push.columns, rows = push.rows;
    int q = min (p, pixels - 1), oy = divide (q, push.ow), ox = q - oy * push.ow;
    vec4 column[TAPS], row[TAPS];
    [[unroll]] for (int j = 0; j < TAPS; j++) {
        column[j] = texelFetch (const_texels, columns + ox * TAPS + j);
        row[j] = texelFetch (const_texels, rows + oy * TAPS + j);
    }
    [[unroll]] for (int k = 0; k < PLANES; k++) {
        int plane = min (first + k, planes - 1);
        vec4 y = vec4 (0);
        [[unroll]] for (int i = 0; i < TAPS; i++) {
            int at = src + plane * plane_size + int (row[i].x) * w;
            vec4 line = vec4 (0);
            [[unroll]] for (int j = 0; j < TAPS; j++)
                line += column[j].y * texelFetch (arena_texels, at + int (column[j].x));
            y += row[i].y * line;
        }
        if (p < pixels && first + k < planes)
            store (dst + plane * pixels + p, y);
    }
}
