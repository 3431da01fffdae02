#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of an LSTM, whose formulas stand in runtime/ops/lstm.h, from a = W x of all of them,
 * [D][T][N][4H]. A workgroup does ROWS images of a direction, a lane each LANES-th unit; h stays in
 * shared memory, twice: what a step starts from and what comes of it. KEEP: gates go where a was,
 * cells [D][T][N][H] and starts [D][T][N][H] elsewhere, for the way back.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/act.glsl"
#include "lib/fetch.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const int ROWS = 4;
layout (constant_id = 2) const int BLOCKS = 1;   /* of 4 units */
layout (constant_id = 3) const int CONSTANT = 0; /* of bias, h, c */
layout (constant_id = 4) const int GIVEN = 0;    /* which of those there are */
layout (constant_id = 5) const int REVERSE = 0;  /* bit d: direction d starts at the end */
layout (constant_id = 6) const bool KEEP = false;
layout (push_constant) uniform Push { fov_push_lstm push; FOV_FAR_ADDRESS };

shared vec4 states[2][ROWS][BLOCKS];
shared float cells[ROWS][4 * BLOCKS];

int lane, direction, first;

float given (int i, int at)
{
    return (GIVEN >> i & 1) != 0 ? fetch_masked (CONSTANT, i, at) : 0.0;
}

/* Image and unit in a tensor [D][N][H]. */
int state_at (int row, int unit)
{
    return (direction * push.batch + min (first + row, push.batch - 1)) * push.hidden + unit;
}

void start ()
{
    for (int unit = lane; unit < 4 * BLOCKS; unit += LANES)
        for (int row = 0; row < ROWS; row++) {
            bool there = unit < push.hidden;
            int at = state_at (row, min (unit, push.hidden - 1));
            states[0][row][unit / 4][unit & 3] = there ? given (1, push.h + at) : 0.0;
            states[1][row][unit / 4][unit & 3] = 0.0;
            cells[row][unit] = there ? given (2, push.c + at) : 0.0;
        }
    barrier ();
}

/* R h of a unit's four gates, for each image. */
void recur (int old, int unit, out vec4 sum[ROWS])
{
    int hidden = push.hidden;
    int at = push.weights + direction * BLOCKS * 4 * hidden + unit;
    [[unroll]] for (int row = 0; row < ROWS; row++)
        sum[row] = vec4 (0);
    for (int k = 0; k < BLOCKS; k++) {
        vec4 w[4];
        [[unroll]] for (int g = 0; g < 4; g++)
            w[g] = texelFetch (arena_texels, at + g * hidden);
        [[unroll]] for (int row = 0; row < ROWS; row++) {
            vec4 h = states[old][row][k];
            sum[row] += vec4 (dot (w[0], h), dot (w[1], h), dot (w[2], h), dot (w[3], h));
        }
        at += 4 * hidden;
    }
}

void step_unit (int t, int old, int unit)
{
    int hidden = push.hidden, bias = push.bias + direction * 8 * hidden + unit;
    vec4 sum[ROWS], extra;
    recur (old, unit, sum);
    for (int g = 0; g < 4; g++)
        extra[g] = given (0, bias + g * hidden) + given (0, bias + (4 + g) * hidden);
    for (int row = 0; row < ROWS; row++) {
        int image = min (first + row, push.batch - 1);
        int line = (direction * push.steps + t) * push.batch + image;
        int at = push.gates + line * 4 * hidden + unit;
        vec4 a = sum[row] + extra;
        for (int g = 0; g < 4; g++)
            a[g] += fetch_arena (at + g * hidden);
        vec4 gates = act_sigmoid (a);
        gates.w = act_tanh (a).w;
        float c = gates.z * cells[row][unit] + gates.x * gates.w;
        float h = gates.y * act_tanh (vec4 (c)).x;
        cells[row][unit] = c;
        if (first + row >= push.batch)
            continue;
        if (KEEP) {
            for (int g = 0; g < 4; g++)
                arena[at + g * hidden] = gates[g];
            arena[push.cells + line * hidden + unit] = c;
            arena[push.starts + line * hidden + unit] = states[old][row][unit / 4][unit & 3];
        }
        if (push.y >= 0)
            arena[push.y + ((t * push.directions + direction) * push.batch + image) * hidden + unit] =
                h;
        states[1 - old][row][unit / 4][unit & 3] = h;
    }
}

void main ()
{
    int hidden = push.hidden, steps = push.steps;
    lane = int (gl_LocalInvocationID.x);
    direction = int (gl_WorkGroupID.y);
    first = int (gl_WorkGroupID.x) * ROWS;
    bool reverse = (REVERSE >> direction & 1) != 0;
    start ();
    for (int k = 0; k < steps; k++) {
        for (int unit = lane; unit < hidden; unit += LANES)
            step_unit (reverse ? steps - 1 - k : k, k & 1, unit);
        barrier ();
    }
    for (int unit = lane; unit < hidden; unit += LANES)
        for (int row = 0; row < ROWS && first + row < push.batch; row++) {
            int at = state_at (row, unit);
            if (push.last_h >= 0)
                arena[push.last_h + at] = states[steps & 1][row][unit / 4][unit & 3];
            if (push.last_c >= 0)
                arena[push.last_c + at] = cells[row][unit];
        }
}
