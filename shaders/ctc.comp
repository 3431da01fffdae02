#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Ctc (runtime/ops/ctc.c) of log probabilities [N][T][C] and labels [N][S]: the loss [N]; or
 * POSTERIOR: how likely each symbol of the label with its blanks is at each step, [N][T][2S+1]. All
 * in logarithms, each row of alpha and beta less the largest of the one before, so that long texts
 * lose no digits. One workgroup a sample; a lane does each LANES-th symbol. A label that is none, or
 * needs more steps, makes the results no numbers.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64; /* a power of 2 */
layout (constant_id = 1) const int LENGTH = 3; /* 2 S + 1 */
layout (constant_id = 2) const int LABEL_WORDS = 2;
layout (constant_id = 3) const bool POSTERIOR = false;
layout (push_constant) uniform Push { fov_push_ctc push; FOV_FAR_ADDRESS };

const float NEVER = -1e30; /* the logarithm of 0 */

shared int symbols[LENGTH];
shared int n_symbols; /* 0: the label is none */
shared float rows[2][LENGTH];
shared float lane_part[LANES];

int lane, n, length;

float no_number ()
{
    return uintBitsToFloat (0x7fc00000u);
}

float log_add (float a, float b)
{
    return max (a, b) + log (1.0 + exp (-abs (a - b)));
}

float lane_most (float v)
{
    barrier ();
    lane_part[lane] = v;
    barrier ();
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        if (lane < reach)
            lane_part[lane] = max (lane_part[lane], lane_part[lane + reach]);
        barrier ();
    }
    return lane_part[0];
}

float lane_total (float v)
{
    barrier ();
    lane_part[lane] = v;
    barrier ();
    for (int reach = LANES / 2; reach > 0; reach /= 2) {
        if (lane < reach)
            lane_part[lane] += lane_part[lane + reach];
        barrier ();
    }
    return lane_part[0];
}

/* By lane 0. A step for each symbol, and one for the blank between two that are the same. */
void read_label ()
{
    int previous = -1, needed = 0, k = 1;
    bool good = true;
    symbols[0] = push.blank;
    for (int i = 0; i < LENGTH / 2; i++) {
        int c = arena_int[push.labels + (n * (LENGTH / 2) + i) * LABEL_WORDS];
        if (c == -1)
            break;
        good = good && c >= 0 && c < push.classes && c != push.blank;
        needed += c == previous ? 2 : 1;
        symbols[k++] = previous = c;
        symbols[k++] = push.blank;
    }
    n_symbols = good && needed <= push.steps ? k : 0;
}

bool may_skip (int k)
{
    return k >= 2 && (k & 1) != 0 && symbols[k] != symbols[k - 2];
}

float score (int t, int k)
{
    return fetch_arena (push.scores + (n * push.steps + t) * push.classes + symbols[k]);
}

int kept_at (int t, int k)
{
    return push.kept + (n * push.steps + t) * LENGTH + k;
}

/* The logarithm of all ways to the end together. */
float forward ()
{
    precise float passed = 0.0, lost = 0.0; /* what rows were lowered by: Kahan's sum */
    float most = 0.0;
    for (int t = 0; t < push.steps; t++) {
        int to = t & 1, from = 1 - to;
        float largest = NEVER;
        for (int k = lane; k < length; k += LANES) {
            float v = k < 2 ? 0.0 : NEVER;
            if (t > 0) {
                v = rows[from][k];
                if (k > 0)
                    v = log_add (v, rows[from][k - 1]);
                if (may_skip (k))
                    v = log_add (v, rows[from][k - 2]);
                v -= most;
            }
            v += score (t, k);
            rows[to][k] = v;
            largest = max (largest, v);
            if (POSTERIOR)
                arena[kept_at (t, k)] = v;
        }
        if (t > 0) {
            precise float part = most - lost, sum = passed + part;
            lost = (sum - passed) - part;
            passed = sum;
        }
        most = lane_most (largest);
    }
    int last = (push.steps - 1) & 1;
    float all = rows[last][length - 1];
    if (length > 1)
        all = log_add (all, rows[last][length - 2]);
    return all + passed;
}

float go_on (int from, int k)
{
    float v = rows[from][k];
    if (k + 1 < length)
        v = log_add (v, rows[from][k + 1]);
    if (k + 2 < length && may_skip (k + 2))
        v = log_add (v, rows[from][k + 2]);
    return v;
}

/* At each step, alpha beta over its sum is the share of all ways that pass there. */
void backward ()
{
    float most = 0.0;
    for (int t = push.steps - 1; t >= 0; t--) {
        int to = t & 1, from = 1 - to;
        float largest = NEVER, likeliest = NEVER, sum = 0.0;
        for (int k = lane; k < length; k += LANES) {
            float v = k >= length - 2 ? 0.0 : NEVER;
            if (t + 1 < push.steps)
                v = go_on (from, k) - most;
            float both = arena[kept_at (t, k)] + v;
            arena[kept_at (t, k)] = both;
            likeliest = max (likeliest, both);
            rows[to][k] = v + score (t, k);
            largest = max (largest, rows[to][k]);
        }
        likeliest = lane_most (likeliest);
        most = lane_most (largest);
        for (int k = lane; k < length; k += LANES)
            sum += exp (arena[kept_at (t, k)] - likeliest);
        sum = lane_total (sum);
        for (int k = lane; k < length; k += LANES)
            arena[kept_at (t, k)] = exp (arena[kept_at (t, k)] - likeliest) / sum;
    }
}

void main ()
{
    lane = int (gl_LocalInvocationID.x);
    n = int (gl_WorkGroupID.x);
    if (lane == 0)
        read_label ();
    barrier ();
    length = n_symbols;
    if (length == 0) {
        if (!POSTERIOR && lane == 0)
            arena[push.dst + n] = no_number ();
        for (int i = lane; POSTERIOR && i < push.steps; i += LANES)
            arena[kept_at (i, 0)] = no_number ();
        return;
    }
    float all = forward ();
    if (POSTERIOR) {
        barrier ();
        backward ();
    } else if (lane == 0) {
        arena[push.dst + n] = -all;
    }
}
