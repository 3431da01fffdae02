#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which tap of its window a maximum comes from, the first of equal ones, blocked: for pool_grad.
 * Workgroups of 64: x: output pixels; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"

layout (local_size_x = 64) in;
layout (push_constant) uniform Push { fov_push_pool push; FOV_FAR_ADDRESS };

void main ()
{
    int h = push.h, w = push.w, kh = push.kh, kw = push.kw, dy = push.dilation_y;
    int dx = push.dilation_x, ow = push.ow, pixels = push.oh * ow;
    int plane = int (gl_WorkGroupID.y), p = int (gl_GlobalInvocationID.x);
    int oy = divide (min (p, pixels - 1), ow), ox = min (p, pixels - 1) - oy * ow;
    int top = oy * push.stride_y - push.pad_top, left = ox * push.stride_x - push.pad_left;
    int src = push.src + plane * h * w;
    vec4 best = vec4 (uintBitsToFloat (0xff800000u)), place = vec4 (-1);
    for (int ky = 0; ky < kh; ky++) {
        int y = top + ky * dy;
        for (int kx = 0; kx < kw; kx++) {
            int x = left + kx * dx;
            bool inside = y >= 0 && y < h && x >= 0 && x < w;
            vec4 v = texelFetch (arena_texels, inside ? src + y * w + x : 0);
            for (int k = 0; k < 4; k++) {
                if (inside && (place[k] < 0.0 || v[k] > best[k] || isnan (v[k]))) {
                    best[k] = v[k];
                    place[k] = float (ky * kw + kx);
                }
            }
        }
    }
    if (p < pixels)
        arena4[push.places + plane * pixels + p] = place;
}
