#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows of ENTRIES indices name slices of inner elements of planar x.
 * SCATTER: y = x but for the slices named, = (or ADD: +=) updates[row], in order; else
 * y[row] = x[slice of row]. Workgroups of 64 cover n elements of y.
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
layout (constant_id = 1) const int ENTRIES = 1;
layout (constant_id = 2) const bool SCATTER = false;
layout (constant_id = 3) const bool ADD = false;
layout (constant_id = 4) const bool X_CONSTANT = false;
layout (constant_id = 5) const bool UPDATES_CONSTANT = false;
layout (push_constant) uniform Push { fov_push_gather_nd push; FOV_FAR_ADDRESS };
#include "lib/indices.glsl"

int slice_of (int row)
{
    int s = 0;
    [[unroll]] for (int k = 0; k < ENTRIES; k++)
        s = s * push.size[k] + index_at (row * ENTRIES + k, push.size[k]);
    return s;
}

float x_at (int i)
{
    return X_CONSTANT ? fetch_const (push.src + i) : fetch_arena (push.src + i);
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int row = divide (q, push.inner), j = q - row * push.inner;
    float v;
    if (SCATTER) {
        v = x_at (q);
        for (int r = 0; r < push.rows; r++) {
            if (slice_of (r) != row)
                continue;
            int u = push.updates + r * push.inner + j;
            float w = UPDATES_CONSTANT ? fetch_const (u) : fetch_arena (u);
            v = ADD ? v + w : w;
        }
    } else {
        v = x_at (slice_of (row) * push.inner + j);
    }
    if (i < push.n)
        arena[push.dst + i] = v;
}
