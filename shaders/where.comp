#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[i] = condition[..] ? a[..] : b[..] on planar tensors of up to 6 dimensions;
 * strides are 0 where an operand repeats.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int TYPE = 0;
layout (constant_id = 1) const bool C_CONSTANT = false;
layout (constant_id = 2) const bool A_CONSTANT = false;
layout (constant_id = 3) const bool B_CONSTANT = false;
layout (constant_id = 4) const int RANK = 6;
layout (push_constant) uniform Push { fov_push_where push; FOV_FAR_ADDRESS };
#include "lib/typed.glsl"

uvec2 element (int i)
{
    int rest = i, condition = 0, a = 0, b = 0;
    [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
        int outer = d > 0 ? divide (rest, push.size[d]) : 0;
        int c = rest - outer * push.size[d];
        condition += c * push.c_stride[d];
        a += c * push.a_stride[d];
        b += c * push.b_stride[d];
        rest = outer;
    }
    if (load_element (TYPE_BOOL, C_CONSTANT, push.c, condition).x != 0u)
        return load_element (TYPE, A_CONSTANT, push.a, a);
    return load_element (TYPE, B_CONSTANT, push.b, b);
}

void main ()
{
    write_elements (TYPE, push.dst, push.n);
}
