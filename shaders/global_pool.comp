#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One value per channel of a blocked picture: its mean (scale 1 / pixels), sum, maximum or
 * minimum. A workgroup does one block of 4 channels, its lanes every 32nd pixel.
 * Workgroups: x, y: (picture, block).
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/flat.glsl"
#include "lib/act.glsl"

layout (local_size_x = 32) in;
layout (constant_id = 0) const int KIND = 0; /* 0 sum, 1 maximum, 2 minimum */
layout (push_constant) uniform Push { fov_push_global_pool push; FOV_FAR_ADDRESS };

shared vec4 part[32];

vec4 join (vec4 a, vec4 b)
{
    return KIND == 0 ? a + b : KIND == 1 ? max (a, b) : min (a, b);
}

void main ()
{
    int plane = flat_group (), lane = int (gl_LocalInvocationID.x), pixels = push.pixels;
    int src = push.src + min (plane, push.planes - 1) * pixels;
    vec4 v = KIND == 0 ? vec4 (0) : texelFetch (arena_texels, src);
    int steps = (pixels + 31) / 32;
    for (int i = 0; i < steps; i++) {
        int p = i * 32 + lane;
        vec4 x = texelFetch (arena_texels, src + min (p, pixels - 1));
        v = p < pixels ? join (v, x) : v;
    }
    part[lane] = v;
    barrier ();
    if (lane > 0 || plane >= push.planes)
        return;
    for (int i = 1; i < 32; i++)
        v = join (v, part[i]);
    v *= push.scale;
    arena4[push.dst + plane] =
        plane % push.c4 == push.c4 - 1 ? keep_channels (v, push.keep) : v;
}
