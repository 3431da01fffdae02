#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y = (x - mean) / sqrt (var + epsilon) scale + bias per channel. LIVE: with mean and variance of
 * this x, which may be given out, as may how running ones go on. A workgroup does a block of 4
 * channels (planar: one channel) of all pictures; statistics in two passes.
 * Workgroups: x, y: blocks.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 64;
layout (constant_id = 1) const bool BLOCKED = true;
layout (constant_id = 2) const bool LIVE = true;
layout (constant_id = 3) const int CONSTANT = 0; /* of scale, bias, mean, variance */
layout (constant_id = 4) const int GIVE = 0;     /* of running mean, variance, mean, variance */
layout (push_constant) uniform Push { fov_push_batch_norm push; FOV_FAR_ADDRESS };
#include "lib/channel.glsl"
#include "lib/lanes.glsl"

void main ()
{
    int block = channel_block (), lane = int (gl_LocalInvocationID.x), pixels = push.pixels;
    int steps = (pixels + LANES - 1) / LANES, b = min (block, channel_blocks () - 1);
    float count = float (push.images) * float (pixels);
    vec4 mean, variance;
    if (LIVE) {
        vec4 sum = vec4 (0);
        for (int n = 0; n < push.images; n++) {
            int at = channel_at (push.src, n, b);
            for (int s = 0; s < steps; s++) {
                int p = s * LANES + lane;
                vec4 x = channel_load (at + min (p, pixels - 1));
                sum += p < pixels ? x : vec4 (0);
            }
        }
        mean = lane_sum (sum) / count;
        sum = vec4 (0);
        for (int n = 0; n < push.images; n++) {
            int at = channel_at (push.src, n, b);
            for (int s = 0; s < steps; s++) {
                int p = s * LANES + lane;
                vec4 x = channel_load (at + min (p, pixels - 1)) - mean;
                sum += p < pixels ? x * x : vec4 (0);
            }
        }
        variance = lane_sum (sum) / count;
    } else {
        mean = channel_vector (2, push.mean, b);
        variance = channel_vector (3, push.variance, b);
    }
    vec4 factor = channel_vector (0, push.scale, b) / sqrt (variance + push.epsilon);
    vec4 offset = channel_vector (1, push.bias, b);
    if (BLOCKED) /* 0 / 0, where epsilon is 0 */
        for (int k = 0; k < 4; k++)
            factor[k] = b * 4 + k < push.channels ? factor[k] : 0.0;
    for (int n = 0; n < push.images; n++) {
        int at = channel_at (push.src, n, b), to = channel_at (push.dst, n, b);
        for (int s = 0; s < steps; s++) {
            int p = s * LANES + lane;
            vec4 y = (channel_load (at + min (p, pixels - 1)) - mean) * factor + offset;
            if (p < pixels && b == block)
                channel_store (to + p, y);
        }
    }
    if (!LIVE || lane > 0 || b != block)
        return;
    float keep = push.momentum;
    if ((GIVE & 1) != 0)
        channel_give (push.next_mean, b,
                      keep * channel_vector (2, push.mean, b) + (1.0 - keep) * mean);
    if ((GIVE & 2) != 0)
        channel_give (push.next_variance, b,
                      keep * channel_vector (3, push.variance, b) + (1.0 - keep) * variance);
    if ((GIVE & 4) != 0)
        channel_give (push.mean_out, b, mean);
    if ((GIVE & 8) != 0)
        channel_give (push.variance_out, b, variance);
}
