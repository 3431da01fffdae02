#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.AssignTargets: of the row and the weight of each anchor and the rows [B][M][6]: the weight at
 * the class, [n][classes]; the box [n][4], 0 0 1 1 without an object; whether it has one, and
 * whether it counts, [n]. A lane does one class; workgroups of 64 cover the n classes of all.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int CONSTANT = 0; /* of rows, weights, targets */
layout (push_constant) uniform Push { fov_push_assign_targets push; FOV_FAR_ADDRESS };

int assigned_row (int at)
{
    return (CONSTANT & 1) != 0 ? const_int[push.row + at] : arena_int[push.row + at];
}

void main ()
{
    int i = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (i, push.n - 1);
    int at = divide (q, push.n_classes), c = q - at * push.n_classes;
    int row = assigned_row (at), from = (divide (at, push.anchors) * push.rows + row) * 6;
    bool found = row >= 0 && row < push.rows;
    float weight = fetch_masked (CONSTANT, 1, push.weight + at);
    float label = found ? fetch_masked (CONSTANT, 2, push.targets + from + 4) : -1.0;
    if (i >= push.n)
        return;
    if (push.classes >= 0)
        arena[push.classes + i] = float (c) == label ? weight : 0.0;
    if (c > 0)
        return;
    for (int k = 0; k < 4; k++)
        if (push.boxes >= 0)
            arena[push.boxes + at * 4 + k] =
                found ? fetch_masked (CONSTANT, 2, push.targets + from + k) : float (k / 2);
    if (push.found >= 0)
        arena[push.found + at] = row >= 0 ? 1.0 : 0.0;
    if (push.counted >= 0)
        arena[push.counted + at] = row >= 0 || weight > 0.0 ? 1.0 : 0.0;
}
