#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[i] = act (x[i]), blocked or planar alike. VECTOR: counts vec4, else floats
 * (what lies inside another tensor need not start or end at a vec4).
 * A lane does 4, 64 apart, of the 256 of its workgroup.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"
#include "lib/store.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const bool VECTOR = true;
layout (constant_id = 2) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (push_constant) uniform Push { fov_push_unary push; FOV_FAR_ADDRESS };

void main ()
{
    int first = flat_group () * 256 + int (gl_LocalInvocationID.x), n = push.n;
    int src = push.src, dst = push.dst, plane = push.plane, c4 = push.c4, used = push.keep;
    float a = push.a, b = push.b;
    [[unroll]] for (int k = 0; k < 4; k++) {
        int i = first + k * 64, from = src + min (i, n - 1);
        if (VECTOR) {
            vec4 y = act (texelFetch (arena_texels, from), ACT, a, b);
            if (KEEP) {
                int block = divide (i, plane);
                if (block - divide (block, c4) * c4 == c4 - 1)
                    y = keep_channels (y, used);
            }
            if (i < n)
                store (dst + i, y);
        } else {
            float y = act (vec4 (fetch_arena (from)), ACT, a, b).x;
            if (i < n)
                arena[dst + i] = y;
        }
    }
}
