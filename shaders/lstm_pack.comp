#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A matrix of each direction [rows][columns], as the LSTM's kernels read it: [columns / 4][rows][4],
 * 0 beyond the last column; TURNED: [rows / 4][columns][4]. Workgroups of 64 cover n vec4.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool TURNED = false;
layout (constant_id = 1) const bool CONSTANT = false;
layout (push_constant) uniform Push { fov_push_lstm_pack push; FOV_FAR_ADDRESS };

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), v = min (i, push.n - 1);
    int along = TURNED ? push.columns : push.rows, across = TURNED ? push.rows : push.columns;
    int blocks = (across + 3) / 4, line = divide (v, along), at = v - line * along;
    int d = divide (line, blocks), first = (line - d * blocks) * 4;
    int from = push.src + d * push.rows * push.columns;
    vec4 w = vec4 (0);
    for (int k = 0; k < 4; k++) {
        int row = TURNED ? first + k : at, column = TURNED ? at : first + k;
        if (first + k < across)
            w[k] = fetch_masked (CONSTANT ? 1 : 0, 0, from + row * push.columns + column);
    }
    if (i < push.n)
        arena4[push.dst + i] = w;
}
