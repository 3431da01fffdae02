#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dx[i] = dy[i] act' (x[i]), blocked or planar alike. VECTOR: counts vec4, else floats.
 * A lane does 4, 64 apart, of the 256 of its workgroup.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/slope.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const bool VECTOR = true;
layout (constant_id = 2) const bool KEEP = false; /* act' (0) is no number and a block not full */
layout (constant_id = 3) const bool DY_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_act_grad push; FOV_FAR_ADDRESS };

void main ()
{
    int first = flat_group () * 256 + int (gl_LocalInvocationID.x), n = push.n;
    int src = push.src, dy = push.dy, dst = push.dst, plane = push.plane, c4 = push.c4;
    int used = push.keep;
    float a = push.a, b = push.b;
    [[unroll]] for (int k = 0; k < 4; k++) {
        int i = first + k * 64, j = min (i, n - 1);
        if (VECTOR) {
            vec4 v = DY_CONSTANT ? texelFetch (const_texels, dy + j)
                                 : texelFetch (arena_texels, dy + j);
            v *= act_slope (texelFetch (arena_texels, src + j), ACT, a, b);
            if (KEEP) {
                int block = divide (i, plane);
                if (block - divide (block, c4) * c4 == c4 - 1)
                    v = keep_channels (v, used);
            }
            if (i < n)
                store (dst + i, v);
        } else {
            float v = DY_CONSTANT ? fetch_const (dy + j) : fetch_arena (dy + j);
            v *= act_slope (vec4 (fetch_arena (src + j)), ACT, a, b).x;
            if (i < n)
                arena[dst + i] = v;
        }
    }
}
