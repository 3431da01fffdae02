#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transposed convolution, gathered: 4 output channels of one pixel per lane.
 *   y[m][oy][ox] = act (bias[m] + sum over c, ky, kx of w[c][m][ky][kx] x[c][iy][ix]),
 *   iy = (oy + pad_y - ky dy) / sy where that is whole, and inside; ix alike.
 * Blocked in and out. Weights: [m4][ic of the group][ky][kx][4 oc].
 * Workgroups of 64 pixels: x: pixels, y: blocks of 4 output channels, z: pictures.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const int RESIDUAL = 0;
layout (constant_id = 2) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (constant_id = 3) const bool SAME = true; /* the 4 channels are of one group */
layout (constant_id = 4) const int GIVEN = 0;
#include "lib/weights.glsl"
layout (push_constant) uniform Push { fov_push_conv push; FOV_FAR_ADDRESS };

/* Rows (or columns) are whole where the remainder is 0; a negative one can not be inside. */
int position (int o, int pad, int k, int dilation, int stride, int size)
{
    int t = o + pad - k * dilation;
    int i = divide (max (t, 0), stride);
    return t >= 0 && i * stride == t && i < size ? i : -1;
}

void main ()
{
    int h = push.h, w = push.w, kh = push.kh, kw = push.kw, count = push.group_in;
    int p = int (gl_GlobalInvocationID.x), block = int (gl_WorkGroupID.y);
    int n = int (gl_WorkGroupID.z), plane = h * w, pixels = push.oh * push.ow;
    int oy = divide (p, push.ow), ox = p - oy * push.ow, taps = kh * kw;
    int src = push.src + n * push.c4 * plane, weights = push.weights + block * count * taps;
    ivec4 first = (block * 4 + ivec4 (0, 1, 2, 3)) / push.group_out * count;
    first = min (first, push.c4 * 4 - count); /* of unused channels: anything */

    vec4 sum = bias_texel (push.bias + block);
    for (int tap = 0; tap < taps; tap++) {
        int ky = tap / kw, kx = tap - ky * kw;
        int iy = position (oy, push.pad_y, ky, push.dilation_y, push.stride_y, h);
        int ix = position (ox, push.pad_x, kx, push.dilation_x, push.stride_x, w);
        int pixel = iy >= 0 && ix >= 0 ? src + iy * w + ix : -(1 << 30);
        int at = weights + tap;
        for (int i = 0; i < count; i++) {
            ivec4 c = first + i;
            vec4 v = vec4 (texelFetch (arena_texels, max (pixel + (c.x >> 2) * plane, 0))[c.x & 3]);
            if (!SAME) {
                v.y = texelFetch (arena_texels, max (pixel + (c.y >> 2) * plane, 0))[c.y & 3];
                v.z = texelFetch (arena_texels, max (pixel + (c.z >> 2) * plane, 0))[c.z & 3];
                v.w = texelFetch (arena_texels, max (pixel + (c.w >> 2) * plane, 0))[c.w & 3];
            }
            sum += weight_texel (at) * v;
            at += taps;
        }
    }
    if (p >= pixels)
        return;
    sum = act (sum, ACT, push.a, push.b);
    if (KEEP && block == push.m4 - 1)
        sum = keep_channels (sum, push.keep);
    arena4[push.dst + (n * push.m4 + block) * pixels + p] = sum;
}
