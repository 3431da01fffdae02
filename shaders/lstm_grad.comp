#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Back through the steps of an LSTM, from its gates [D][T][N][4H] and cells [D][T][N][H]. With dh
 * and dc behind a step, and d = dc + dh o (1 - tanh^2 c):
 *   da = d g i (1 - i), dh tanh (c) o (1 - o), d c_before f (1 - f), d i (1 - g^2)
 *   dh before it = R^T da,  dc before it = d f
 * Workgroups and lanes as in lstm.comp; da is in shared memory, dh and dc where they end.
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
layout (constant_id = 2) const int UNITS = 4;
layout (constant_id = 3) const int CONSTANT = 0; /* of dy, dh, dc, the first c */
layout (constant_id = 4) const int GIVEN = 0;    /* which of those there are */
layout (constant_id = 5) const int REVERSE = 0;
layout (push_constant) uniform Push { fov_push_lstm_grad push; FOV_FAR_ADDRESS };

shared vec4 slopes[ROWS][UNITS]; /* da [4H] */

int lane, direction, first;

float given (int i, int at)
{
    return (GIVEN >> i & 1) != 0 ? fetch_masked (CONSTANT, i, at) : 0.0;
}

int image_of (int row)
{
    return min (first + row, push.batch - 1);
}

int state_at (int row, int unit)
{
    return (direction * push.batch + image_of (row)) * push.hidden + unit;
}

/* before: the step before t on the way forward, or -1. */
void step_unit (int t, int before, int row, int unit)
{
    int hidden = push.hidden, state = state_at (row, unit), image = image_of (row);
    int line = (direction * push.steps + t) * push.batch + image;
    int at = push.gates + line * 4 * hidden + unit;
    float i = fetch_arena (at), o = fetch_arena (at + hidden), f = fetch_arena (at + 2 * hidden);
    float g = fetch_arena (at + 3 * hidden);
    float c = act_tanh (vec4 (fetch_arena (push.cells + line * hidden + unit))).x;
    float c_before =
        before < 0 ? given (3, push.c + state)
                   : fetch_arena (push.cells +
                                  ((direction * push.steps + before) * push.batch + image) * hidden +
                                  unit);
    float dh = arena[push.last_h + state] +
               given (0, push.dy + ((t * push.directions + direction) * push.batch + image) * hidden +
                             unit);
    float d = arena[push.last_c + state] + dh * o * (1.0 - c * c);
    float da[4] = { d * g * i * (1.0 - i), dh * c * o * (1.0 - o), d * c_before * f * (1.0 - f),
                    d * i * (1.0 - g * g) };
    bool there = first + row < push.batch;
    for (int k = 0; k < 4; k++) {
        int j = k * hidden + unit;
        slopes[row][j / 4][j & 3] = da[k];
        if (there)
            arena[push.da + line * 4 * hidden + j] = da[k];
    }
    if (there)
        arena[push.last_c + state] = d * f;
}

/* dh = R^T da */
void recur (int unit)
{
    float sum[ROWS];
    int hidden = push.hidden, at = push.weights + direction * hidden * hidden + unit;
    [[unroll]] for (int row = 0; row < ROWS; row++)
        sum[row] = 0.0;
    for (int k = 0; k < hidden; k++) {
        vec4 w = texelFetch (arena_texels, at + k * hidden);
        [[unroll]] for (int row = 0; row < ROWS; row++)
            sum[row] += dot (w, slopes[row][k]);
    }
    for (int row = 0; row < ROWS && first + row < push.batch; row++)
        arena[push.last_h + state_at (row, unit)] = sum[row];
}

void main ()
{
    int hidden = push.hidden, steps = push.steps;
    lane = int (gl_LocalInvocationID.x);
    direction = int (gl_WorkGroupID.y);
    first = int (gl_WorkGroupID.x) * ROWS;
    int step = (REVERSE >> direction & 1) != 0 ? -1 : 1;
    for (int unit = lane; unit < hidden; unit += LANES)
        for (int row = 0; row < ROWS && first + row < push.batch; row++) {
            int at = state_at (row, unit);
            arena[push.last_h + at] = given (1, push.dh + at);
            arena[push.last_c + at] = given (2, push.dc + at);
        }
    for (int k = steps - 1; k >= 0; k--) {
        int t = step > 0 ? k : steps - 1 - k;
        for (int unit = lane; unit < hidden; unit += LANES)
            for (int row = 0; row < ROWS; row++)
                step_unit (t, k > 0 ? t - step : -1, row, unit);
        barrier ();
        for (int unit = lane; unit < hidden; unit += LANES)
            recur (unit);
        barrier ();
    }
}
