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
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int ACT = 0;
layout (constant_id = 1) const bool VECTOR = true;
layout (constant_id = 2) const bool KEEP = false; /* act (0) != 0 and a block not full */
layout (push_constant) uniform Push { fov_push_unary push; };

void main ()
{
    int first = flat_group () * 256 + int (gl_LocalInvocationID.x);
    [[unroll]] for (int k = 0; k < 4; k++) {
        int i = first + k * 64;
        if (i >= push.n)
            return;
        if (VECTOR) {
            vec4 y = act (arena4[push.src + i], ACT, push.a, push.b);
            int block = divide (i, push.plane);
            if (KEEP && block - divide (block, push.c4) * push.c4 == push.c4 - 1)
                y = keep_channels (y, push.keep);
            arena4[push.dst + i] = y;
        } else {
            arena[push.dst + i] = act (vec4 (arena[push.src + i]), ACT, push.a, push.b).x;
        }
    }
}
