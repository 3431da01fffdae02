#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Assign, SimOTA: what "no class at all" costs at each place, the sum over classes of
 * -log (1 - p). Workgroups of 64 along a picture's places, a row of them for each picture.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x = 64) in;
layout (push_constant) uniform Push { fov_push_assign push; FOV_FAR_ADDRESS };
#include "lib/assign.glsl"

void main ()
{
    int k = int (gl_GlobalInvocationID.x);
    start_picture (int (gl_WorkGroupID.y));
    if (k >= arena_int[N_PLACES])
        return;
    int anchor = arena_int[PLACES + k];
    precise double none = 0.0lf;
    for (int c = 0; c < push.columns; c++)
        none -= log_at_least (1.0lf - probability (anchor, c));
    store_double (NOTES + 2 * k, none);
}
