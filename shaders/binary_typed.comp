#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[i] = f (a[..], b[..]) on planar tensors of up to 6 dimensions of type FROM,
 * to type TO: arithmetic of integers, comparisons, logic. KIND: FovBinaryKind of
 * runtime/graph/params.h. Strides are 0 where an operand repeats.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/flat.glsl"
#include "lib/divide.glsl"
#include "lib/long.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const int FROM = 0;
layout (constant_id = 2) const int TO = 0;
layout (constant_id = 3) const bool A_CONSTANT = false;
layout (constant_id = 4) const bool B_CONSTANT = false;
layout (constant_id = 5) const int RANK = 6;
layout (constant_id = 6) const bool AS_C = false; /* remainders */
layout (push_constant) uniform Push { fov_push_binary push; FOV_FAR_ADDRESS };
#include "lib/typed.glsl"

bool compare (uvec2 a, uvec2 b)
{
    if (FROM == TYPE_F32) {
        float x = uintBitsToFloat (a.x), y = uintBitsToFloat (b.x);
        /* Written out for each: with no number neither holds nor its opposite. */
        switch (KIND) {
        case 9: return x == y;
        case 10: return x > y;
        case 11: return x >= y;
        case 12: return x < y;
        default: return x <= y;
        }
    }
    switch (KIND) {
    case 9: return a == b;
    case 10: return long_less (b, a);
    case 11: return !long_less (a, b);
    case 12: return long_less (a, b);
    case 13: return !long_less (b, a);
    case 14: return a.x != 0u && b.x != 0u;
    case 15: return a.x != 0u || b.x != 0u;
    default: return (a.x != 0u) != (b.x != 0u);
    }
}

uvec2 binary (uvec2 a, uvec2 b)
{
    switch (KIND) {
    case 0: case 17: return long_add (a, b);
    case 1: return long_add (a, long_neg (b));
    case 2: return long_mul (a, b);
    case 3: return long_div (a, b);
    case 5: return long_less (a, b) ? a : b;
    case 6: return long_less (a, b) ? b : a;
    case 7: return long_mod (a, b, AS_C);
    case 8: return int (a.y) < 0 ? long_mul (a, b) : a;
    default: return uvec2 (compare (a, b) ? 1 : 0, 0);
    }
}

uvec2 element (int i)
{
    int rest = i, a = 0, b = 0;
    [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
        int outer = d > 0 ? divide (rest, push.size[d]) : 0;
        int c = rest - outer * push.size[d];
        a += c * push.a_stride[d];
        b += c * push.b_stride[d];
        rest = outer;
    }
    return binary (load_element (FROM, A_CONSTANT, push.a, a),
                   load_element (FROM, B_CONSTANT, push.b, b));
}

void main ()
{
    write_elements (TO, push.dst, push.n);
}
