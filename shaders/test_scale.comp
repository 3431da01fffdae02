#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* out[i] = in[i] * factor + constant[i & 3]. For the tests of runtime/gpu; one lane per value. */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"

layout (local_size_x = 64) in;
layout (push_constant) uniform Push { fov_push_test_scale push; FOV_FAR_ADDRESS };

void main ()
{
    int i = int (gl_GlobalInvocationID.x);
    if (i < push.n)
        arena[push.dst + i] = arena[push.src + i] * push.factor + const1[push.constants + (i & 3)];
}
