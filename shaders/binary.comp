#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[i] = f (a[..], b[..]) on planar tensors of up to 6 dimensions; strides are
 * 0 where an operand repeats. A lane does 4 floats, 64 apart, of 256.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/binary.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const bool A_CONSTANT = false;
layout (constant_id = 2) const bool B_CONSTANT = false;
layout (constant_id = 3) const int RANK = 6;
layout (push_constant) uniform Push { fov_push_binary push; FOV_FAR_ADDRESS };

void main ()
{
    int first = flat_group () * 256 + int (gl_LocalInvocationID.x);
    [[unroll]] for (int k = 0; k < 4; k++) {
        int i = first + k * 64, rest = i, a = push.a, b = push.b;
        if (i >= push.n)
            return;
        [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
            int outer = d > 0 ? divide (rest, push.size[d]) : 0;
            int c = rest - outer * push.size[d];
            a += c * push.a_stride[d];
            b += c * push.b_stride[d];
            rest = outer;
        }
        float x = A_CONSTANT ? const1[a] : arena[a];
        float y = B_CONSTANT ? const1[b] : arena[b];
        arena[push.dst + i] = binary (vec4 (x), vec4 (y), KIND).x;
    }
}
