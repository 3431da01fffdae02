#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * da[i] = dy[i] df/da (a[..], b[..]), db alike (db < 0: not asked for), of planar tensors of up to 6
 * dimensions; strides are 0 where an operand repeats. KIND: FovBinaryKind; the slopes are those of
 * runtime/ops/binary.grad.c. Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/binary.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const bool DY_CONSTANT = false;
layout (constant_id = 2) const bool A_CONSTANT = false;
layout (constant_id = 3) const bool B_CONSTANT = false;
layout (constant_id = 4) const int RANK = 6;
layout (push_constant) uniform Push { fov_push_binary_grad push; FOV_FAR_ADDRESS };

float power (float a, float b)
{
    return binary_pow (vec4 (a), vec4 (b)).x;
}

/* By a and by b. */
vec2 slopes (float a, float b)
{
    float half_a = a < b ? 1.0 : a > b ? 0.0 : 0.5;
    switch (KIND) {
    case 4: return vec2 (b == 0.0 ? 0.0 : b * power (a, b - 1.0),
                         a > 0.0 ? power (a, b) * log (a) : 0.0);
    case 5: return vec2 (half_a, 1.0 - half_a);
    case 6: return vec2 (1.0 - half_a, half_a);
    case 8: return a > 0.0 ? vec2 (1, 0) : vec2 (b, a);
    default: return vec2 (1.0, -trunc (a / b));
    }
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int rest = q, a = push.a, b = push.b;
    [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
        int outer = d > 0 ? divide (rest, push.size[d]) : 0;
        int c = rest - outer * push.size[d];
        a += c * push.a_stride[d];
        b += c * push.b_stride[d];
        rest = outer;
    }
    float dy = DY_CONSTANT ? fetch_const (push.dy + q) : fetch_arena (push.dy + q);
    vec2 s = dy * slopes (A_CONSTANT ? fetch_const (a) : fetch_arena (a),
                          B_CONSTANT ? fetch_const (b) : fetch_arena (b));
    if (i >= push.n)
        return;
    arena[push.da + i] = s.x;
    if (push.db >= 0)
        arena[push.db + i] = s.y;
}
