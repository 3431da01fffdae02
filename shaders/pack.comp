#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Weights that are no constants, as the convolutions read them. With t = hi inner + lo,
 *   w (oc, ic, t) = src[oc oc_by + ic ic_by + hi hi_by + lo lo_by + oc / group_out group_by]
 * goes to [oc / m][t][ic / 4][oc % m][ic % 4] (DENSE) or to [oc / 4][ic][t][oc % 4]; 0 where there
 * is no such channel. A lane makes a vec4; workgroups of 64 cover n of them.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool DENSE = true;
layout (push_constant) uniform Push { fov_push_pack push; FOV_FAR_ADDRESS };

int cut (inout int v, int by)
{
    int whole = divide (v, by), rest = v - whole * by;
    v = whole;
    return rest;
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), v = min (i, push.n - 1);
    int oc, ic, tap;
    if (DENSE) {
        oc = cut (v, push.m);
        ic = cut (v, push.blocks) * 4;
        tap = cut (v, push.taps);
        oc += v * push.m;
    } else {
        tap = cut (v, push.taps);
        ic = cut (v, push.ic);
        oc = v * 4;
    }
    int hi = divide (tap, push.inner);
    int from = push.src + hi * push.hi_by + (tap - hi * push.inner) * push.lo_by;
    vec4 w = vec4 (0);
    [[unroll]] for (int k = 0; k < 4; k++) {
        int o = DENSE ? oc : oc + k, c = DENSE ? ic + k : ic;
        if (o < push.oc && c < push.ic)
            w[k] = fetch_arena (from + o * push.oc_by + c * push.ic_by +
                                divide (o, push.group_out) * push.group_by);
    }
    if (i < push.n)
        arena4[push.dst + i] = w;
}
