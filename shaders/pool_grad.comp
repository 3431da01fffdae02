#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gradient of a pool by its input, blocked: each pixel of x asks the windows that cover it.
 * AVERAGE: dy / pixels of the window (with push.include_pad: padding counts); else dy of those
 * whose maximum came from here, as pool_place has it.
 * Workgroups of 64: x: pixels of x; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool AVERAGE = false;
layout (push_constant) uniform Push { fov_push_pool push; FOV_FAR_ADDRESS };

/* The window, along one axis, whose tap k sees position at; -1: none. */
int window (int at, int pad, int k, int dilation, int stride, int count)
{
    int t = at + pad - k * dilation, o = divide (max (t, 0), stride);
    return t >= 0 && o * stride == t && o < count ? o : -1;
}

/* Taps of window o that lie in the picture, or count as if. */
int counted (int o, int pad, int stride, int dilation, int taps, int size, int far)
{
    int first = o * stride - pad, n = 0;
    bool padded = push.include_pad != 0;
    for (int k = 0; k < taps; k++) {
        int at = first + k * dilation;
        n += (padded ? at < size + far : at >= 0 && at < size) ? 1 : 0;
    }
    return max (n, 1);
}

void main ()
{
    int h = push.h, w = push.w, oh = push.oh, ow = push.ow, kh = push.kh, kw = push.kw;
    int sy = push.stride_y, sx = push.stride_x, dy = push.dilation_y, dx = push.dilation_x;
    int top = push.pad_top, left = push.pad_left, pixels = h * w;
    int plane = int (gl_WorkGroupID.y), p = int (gl_GlobalInvocationID.x);
    int y = divide (min (p, pixels - 1), w), x = min (p, pixels - 1) - y * w;
    int from = push.dy + plane * oh * ow, places = push.places + plane * oh * ow;
    vec4 sum = vec4 (0);
    for (int ky = 0; ky < kh; ky++) {
        int oy = window (y, top, ky, dy, sy, oh);
        int rows = AVERAGE ? counted (max (oy, 0), top, sy, dy, kh, h, push.pad_bottom) : 1;
        for (int kx = 0; kx < kw; kx++) {
            int ox = window (x, left, kx, dx, sx, ow), o = oy * ow + ox;
            bool there = oy >= 0 && ox >= 0;
            vec4 d = texelFetch (arena_texels, there ? from + o : 0);
            if (AVERAGE) {
                int n = counted (max (ox, 0), left, sx, dx, kw, w, push.pad_right);
                sum += d / float (rows * n);
            } else {
                vec4 place = texelFetch (arena_texels, there ? places + o : 0);
                sum += mix (vec4 (0), d, equal (place, vec4 (ky * kw + kx)));
            }
        }
    }
    if (p < pixels)
        store (push.dst + plane * pixels + p, sum);
}
