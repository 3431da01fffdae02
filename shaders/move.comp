#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dst[sum of c_d dst_stride_d] = src[sum of c_d src_stride_d] for all c in size:
 * transposes, slices, concatenations, repetitions of 4-byte words, planar.
 * A lane does 4 words, 64 apart, of 256. FILL: writes push.value instead.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int RANK = 6;
layout (constant_id = 1) const bool CONSTANT = false;
layout (constant_id = 2) const bool FILL = false;
layout (push_constant) uniform Push { fov_push_move push; };

void main ()
{
    int first = flat_group () * 256 + int (gl_LocalInvocationID.x);
    [[unroll]] for (int k = 0; k < 4; k++) {
        int i = first + k * 64, rest = i, from = push.src, to = push.dst;
        if (i >= push.n)
            return;
        [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
            int outer = d > 0 ? rest / push.size[d] : 0;
            int c = rest - outer * push.size[d];
            from += c * push.src_stride[d];
            to += c * push.dst_stride[d];
            rest = outer;
        }
        if (FILL)
            arena_int[to] = push.value;
        else
            arena_int[to] = CONSTANT ? const_int[from] : arena_int[from];
    }
}
