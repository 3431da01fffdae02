#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SCATTER: y = x but where indices point: y[.., index (c), ..] = (or ADD: +=) updates[c], planar;
 * each element looks for those that name it, in order. Else y[c] = x[.., index (c), ..].
 * size, x_size: of the indices and of x. Workgroups of 64 cover n elements of y.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int INDEX = 0;
layout (constant_id = 1) const int RANK = 6;
layout (constant_id = 2) const bool SCATTER = false;
layout (constant_id = 3) const bool ADD = false;
layout (constant_id = 4) const bool X_CONSTANT = false;
layout (constant_id = 5) const bool UPDATES_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_gather_elements push; FOV_FAR_ADDRESS };
#include "lib/indices.glsl"

float x_at (int i)
{
    return X_CONSTANT ? fetch_const (push.src + i) : fetch_arena (push.src + i);
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int rest = q, place = 0, x_stride = 1, stride = 1, axis_stride = 1, axis_x = 1, on_axis = 0;
    bool inside = true;
    [[unroll]] for (int d = RANK - 1; d >= 0; d--) {
        int n = SCATTER ? push.x_size[d] : push.size[d];
        int outer = d > 0 ? divide (rest, n) : 0, c = rest - outer * n;
        rest = outer;
        if (d == push.axis) {
            axis_stride = stride;
            axis_x = x_stride;
            on_axis = c;
        } else {
            place += c * (SCATTER ? stride : x_stride);
            inside = inside && c < push.size[d];
        }
        stride *= push.size[d];
        x_stride *= push.x_size[d];
    }
    int size = push.x_size[push.axis];
    float v;
    if (SCATTER) {
        v = x_at (q);
        for (int k = 0; inside && k < push.size[push.axis]; k++) {
            int u = place + k * axis_stride;
            if (index_at (u, size) != on_axis)
                continue;
            float w = UPDATES_CONSTANT ? fetch_const (push.updates + u)
                                       : fetch_arena (push.updates + u);
            v = ADD ? v + w : w;
        }
    } else {
        v = x_at (place + index_at (q, size) * axis_x);
    }
    if (i < push.n)
        arena[push.dst + i] = v;
}
