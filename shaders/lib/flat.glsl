/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_FLAT_GLSL
#define FOV_FLAT_GLSL

/* Workgroups that fov_gpu_dispatch_flat spread over x and y, in one row again. */
int flat_group ()
{
    return int (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x);
}

#endif
