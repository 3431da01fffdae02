/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_LANES_GLSL
#define FOV_LANES_GLSL

/* The sum over all lanes of a workgroup, the same for each, in their order; LANES of the shader. */
shared vec4 lane_part[LANES];

vec4 lane_sum (vec4 v)
{
    barrier ();
    lane_part[gl_LocalInvocationID.x] = v;
    barrier ();
    vec4 total = lane_part[0];
    for (int i = 1; i < LANES; i++)
        total += lane_part[i];
    return total;
}

#endif
