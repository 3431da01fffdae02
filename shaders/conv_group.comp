#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Grouped convolution, and any that the others leave: 4 output channels of one
 * pixel per lane. Blocked in and out. Weights: [m4][ic of the group][ky][kx][4 oc].
 * Workgroups of 64 pixels: x: pixels, y: blocks of 4 output channels, z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const int RESIDUAL = 0; /* 1: before the activation, 2: after */
layout (constant_id = 2) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 3) const bool SAME = true; /* the 4 channels are of one group */
layout (constant_id = 4) const int GIVEN = 0;
#include "lib/weights.glsl"
layout (push_constant) uniform Push { fov_push_conv push; FOV_FAR_ADDRESS };

float fetch (int at, int c, int plane)
{
    return texelFetch (arena_texels, max (at + (c >> 2) * plane, 0))[c & 3];
}

void main ()
{
    int h = push.h, w = push.w, kh = push.kh, kw = push.kw, count = push.group_in;
    int sx = push.stride_x, dx = push.dilation_x, dy = push.dilation_y;
    int p = int (gl_GlobalInvocationID.x), block = int (gl_WorkGroupID.y);
    int n = int (gl_WorkGroupID.z), plane = h * w, pixels = push.oh * push.ow;
    int oy = divide (p, push.ow), ox = p - oy * push.ow;
    int top = oy * push.stride_y - push.pad_y, left = ox * sx - push.pad_x;
    int src = push.src + n * push.c4 * plane, at = push.weights + block * count * kh * kw;
    ivec4 first = (block * 4 + ivec4 (0, 1, 2, 3)) / push.group_out * count;
    first = min (first, push.c4 * 4 - count); /* of unused channels: anything */

    vec4 sum = bias_texel (push.bias + block);
    for (int i = 0; i < count; i++) {
        for (int ky = 0; ky < kh; ky++) {
            int y = top + ky * dy;
            for (int kx = 0; kx < kw; kx++) {
                int x = left + kx * dx;
                bool inside = y >= 0 && y < h && x >= 0 && x < w;
                int pixel = inside ? src + y * w + x : -(1 << 30);
                vec4 v = vec4 (fetch (pixel, first.x + i, plane));
                if (!SAME) {
                    v.y = fetch (pixel, first.y + i, plane);
                    v.z = fetch (pixel, first.z + i, plane);
                    v.w = fetch (pixel, first.w + i, plane);
                }
                sum += weight_texel (at++) * v;
            }
        }
    }
    if (p >= pixels)
        return;
    int o = (n * push.m4 + block) * pixels + p;
    if (RESIDUAL == 1)
        sum += arena4[push.residual + o];
    sum = act (sum, ACT, push.a, push.b);
    if (RESIDUAL == 2)
        sum += arena4[push.residual + o];
    if (KEEP && block == push.m4 - 1)
        sum = keep_channels (sum, push.keep);
    arena4[push.dst + o] = sum;
}
