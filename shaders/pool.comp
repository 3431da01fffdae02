#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Max or average over kh x kw windows, blocked. AVERAGE: divides by the pixels
 * inside the picture, or with push.include_pad by those inside picture and padding.
 * Workgroups of 64: x: output pixels; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const bool AVERAGE = false;
layout (push_constant) uniform Push { fov_push_pool push; FOV_FAR_ADDRESS };

void main ()
{
    int h = push.h, w = push.w, kh = push.kh, kw = push.kw, dy = push.dilation_y;
    int dx = push.dilation_x, ow = push.ow, pixels = push.oh * ow;
    int plane = int (gl_WorkGroupID.y), p = int (gl_GlobalInvocationID.x);
    int oy = divide (p, ow), ox = p - oy * ow, src = push.src + plane * h * w;
    int top = oy * push.stride_y - push.pad_top, left = ox * push.stride_x - push.pad_left;
    int far_y = h, far_x = w;
    if (push.include_pad != 0) {
        far_y += push.pad_bottom;
        far_x += push.pad_right;
    }
    vec4 sum = AVERAGE ? vec4 (0) : vec4 (uintBitsToFloat (0xff800000u));
    int count = 0;
    for (int ky = 0; ky < kh; ky++) {
        int y = top + ky * dy;
        for (int kx = 0; kx < kw; kx++) {
            int x = left + kx * dx;
            bool inside = y >= 0 && y < h && x >= 0 && x < w;
            vec4 v = texelFetch (arena_texels, inside ? src + y * w + x : 0);
            if (AVERAGE) {
                bool counts = push.include_pad != 0 ? y < far_y && x < far_x : inside;
                sum += v;
                count += counts ? 1 : 0;
            } else {
                sum = inside ? max (sum, v) : sum;
            }
        }
    }
    if (p < pixels)
        arena4[push.dst + plane * pixels + p] = AVERAGE ? sum / float (max (count, 1)) : sum;
}
