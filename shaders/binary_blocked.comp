#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y = f (a, b) on blocked tensors; each operand is looked up by its mode:
 *   0 the same element, 1 one value per channel, 2 one value per pixel (the
 *   first channel of a one-channel tensor), 3 one vec4 for all.
 * Workgroups of 64: x: pixels, 4 per lane; y: (picture, block of 4 channels).
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/binary.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const int A_MODE = 0;
layout (constant_id = 2) const bool A_CONSTANT = false;
layout (constant_id = 3) const int B_MODE = 0;
layout (constant_id = 4) const bool B_CONSTANT = false;
layout (constant_id = 5) const bool KEEP = false; /* the last block is not full */
layout (push_constant) uniform Push { fov_push_binary_blocked push; FOV_FAR_ADDRESS };

vec4 operand (int src, int batch, int mode, bool constant, int n, int block, int p)
{
    int at = src + n * batch;
    if (mode == 0)
        at += block * push.pixels + p;
    else if (mode == 1)
        at += block;
    else if (mode == 2)
        at += p;
    vec4 v = constant ? texelFetch (const_texels, at) : texelFetch (arena_texels, at);
    return mode == 2 ? v.xxxx : v;
}

void main ()
{
    int plane = int (gl_WorkGroupID.y), n = plane / push.c4, block = plane - n * push.c4;
    int first = int (gl_WorkGroupID.x) * 256 + int (gl_LocalInvocationID.x);
    [[unroll]] for (int k = 0; k < 4; k++) {
        int p = first + k * 64, q = min (p, push.pixels - 1);
        vec4 a = operand (push.a, push.a_batch, A_MODE, A_CONSTANT, n, block, q);
        vec4 b = operand (push.b, push.b_batch, B_MODE, B_CONSTANT, n, block, q);
        vec4 y = binary (a, b, KIND);
        if (KEEP && block == push.c4 - 1)
            y = keep_channels (y, push.keep);
        if (p < push.pixels)
            store (push.dst + plane * push.pixels + p, y);
    }
}
