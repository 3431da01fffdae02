#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is there only while a model learns (runtime/ops/live.h), planar:
 *   fov.Dropout: y[i] = x[i] scale, or 0 where the number drawn for i is below the threshold;
 *   GATE: y[i] = x[i], or new[i] where the gate is above 0.
 * switch_at: the draw's number or the gate. Workgroups of 64 cover n elements.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool GATE = false;
layout (constant_id = 1) const int CONSTANT = 0; /* of src, given, switch_at */
layout (push_constant) uniform Push { fov_push_live push; FOV_FAR_ADDRESS };

uint mix32 (uint x)
{
    x = (x ^ x >> 17) * 0xed5ad4bbu;
    x = (x ^ x >> 11) * 0xac4c1b51u;
    x = (x ^ x >> 15) * 0x31848babu;
    return x ^ x >> 14;
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    float by = fetch_masked (CONSTANT, 2, push.switch_at), y;
    if (GATE) {
        y = by > 0.0 ? fetch_masked (CONSTANT, 1, push.given + q)
                     : fetch_masked (CONSTANT, 0, push.src + q);
    } else {
        uint key = uint (push.key) ^ mix32 (uint (by));
        bool stays = mix32 (uint (q) ^ key) >= uint (push.threshold);
        y = stays ? fetch_masked (CONSTANT, 0, push.src + q) * push.scale : 0.0;
    }
    if (i < push.n)
        arena[push.dst + i] = y;
}
