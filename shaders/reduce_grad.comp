#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dx[i] = dy[..] times the slope of a reduction by x[i] (runtime/ops/reduce.grad.c), planar, up to 6
 * dimensions; dy and y are looked up by strides, which are 0 along what was reduced. KIND:
 * FovReduceKind; of extrema and products, reduce_count has seen the lines.
 * Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const int RANK = 6;
layout (constant_id = 2) const bool DY_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_reduce_grad push; FOV_FAR_ADDRESS };

float slope (float x, float y, int line)
{
    if (KIND == 2 || KIND == 3)
        return x == y ? 1.0 / fetch_arena (push.lines + 2 * line) : 0.0;
    if (KIND == 4) {
        float product = fetch_arena (push.lines + 2 * line);
        float zeros = fetch_arena (push.lines + 2 * line + 1);
        if (x == 0.0)
            return zeros == 1.0 ? product : 0.0;
        return zeros > 0.0 ? 0.0 : product / x;
    }
    switch (KIND) {
    case 5: return sign (x);
    case 6: return y > 0.0 ? x / y : 0.0;
    case 7: return 2.0 * x;
    case 8: return exp (-y);
    default: return exp (x - y);
    }
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int rest = q, line = 0;
    [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
        int outer = d > 0 ? divide (rest, push.size[d]) : 0;
        line += (rest - outer * push.size[d]) * push.stride[d];
        rest = outer;
    }
    float dy = DY_CONSTANT ? fetch_const (push.dy + line) : fetch_arena (push.dy + line);
    float d = dy * slope (fetch_arena (push.x + q), fetch_arena (push.y + line), line);
    if (i < push.n)
        arena[push.dst + i] = d;
}
