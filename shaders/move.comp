#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dst[sum of c_d dst_stride_d] = src[sum of c_d src_stride_d] for all c in size:
 * transposes, slices, concatenations, repetitions of 4-byte words, planar.
 * FILL: writes push.value instead.
 * Workgroups of 64: x: the last dimension, EACH values per lane; y: the one
 * before; z: all others in one.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int RANK = 6;
layout (constant_id = 1) const bool CONSTANT = false;
layout (constant_id = 2) const bool FILL = false;
layout (constant_id = 3) const int EACH = 4;
layout (push_constant) uniform Push { fov_push_move push; FOV_FAR_ADDRESS };

const int LAST = RANK - 1, ROW = RANK > 1 ? RANK - 2 : 0;

int fetch (int at)
{
    return floatBitsToInt (CONSTANT ? fetch_const (at) : fetch_arena (at));
}

void main ()
{
    int from = push.src, to = push.dst, rest = int (gl_WorkGroupID.z);
    if (RANK > 1) {
        from += int (gl_WorkGroupID.y) * push.src_stride[ROW];
        to += int (gl_WorkGroupID.y) * push.dst_stride[ROW];
    }
    [[unroll]] for (int d = RANK - 3; d >= 0; d--) {
        int outer = d > 0 ? divide (rest, push.size[d]) : 0;
        int c = rest - outer * push.size[d];
        from += c * push.src_stride[d];
        to += c * push.dst_stride[d];
        rest = outer;
    }
    int n = push.size[LAST], by = push.src_stride[LAST], step = push.dst_stride[LAST];
    int first = int (gl_WorkGroupID.x) * 64 * EACH + int (gl_LocalInvocationID.x);
    [[unroll]] for (int k = 0; k < EACH; k++) {
        int i = first + k * 64;
        int v = FILL ? push.value : fetch (from + min (i, n - 1) * by);
        if (i < n)
            arena_int[to + i * step] = v;
    }
}
