#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of batch_norm, with x^ = (x - mean) / s and s = sqrt (var + epsilon), per channel:
 *   dscale = sum of dy x^, dbias = sum of dy, dx = dy scale / s, or where the statistics are LIVE
 *   dx = (dy - (dbias + x^ dscale) / n) scale / s.
 * A workgroup does a block of 4 channels (planar: one channel) of all pictures.
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
layout (constant_id = 3) const int CONSTANT = 0; /* of scale, mean, variance */
layout (constant_id = 4) const int GIVE = 7;     /* of dx, dscale, dbias */
layout (push_constant) uniform Push { fov_push_batch_norm_grad push; FOV_FAR_ADDRESS };
#include "lib/channel.glsl"
#include "lib/lanes.glsl"

void main ()
{
    int block = channel_block (), lane = int (gl_LocalInvocationID.x), pixels = push.pixels;
    int steps = (pixels + LANES - 1) / LANES, b = min (block, channel_blocks () - 1);
    vec4 mean = channel_vector (1, push.mean, b);
    vec4 inverse = 1.0 / sqrt (channel_vector (2, push.variance, b) + push.epsilon);
    vec4 sum = vec4 (0), product = vec4 (0);
    if (BLOCKED)
        for (int k = 0; k < 4; k++)
            inverse[k] = b * 4 + k < push.channels ? inverse[k] : 0.0;
    if (LIVE || GIVE > 1) {
        for (int n = 0; n < push.images; n++) {
            int from = channel_at (push.dy, n, b), at = channel_at (push.src, n, b);
            for (int s = 0; s < steps; s++) {
                int p = s * LANES + lane, q = min (p, pixels - 1);
                vec4 dy = p < pixels ? channel_load (from + q) : vec4 (0);
                sum += dy;
                product += dy * (channel_load (at + q) - mean) * inverse;
            }
        }
        sum = lane_sum (sum);
        product = lane_sum (product);
    }
    vec4 factor = channel_vector (0, push.scale, b) * inverse;
    float share = 1.0 / (float (push.images) * float (pixels));
    for (int n = 0; n < push.images && (GIVE & 1) != 0; n++) {
        int from = channel_at (push.dy, n, b), at = channel_at (push.src, n, b);
        int to = channel_at (push.dst, n, b);
        for (int s = 0; s < steps; s++) {
            int p = s * LANES + lane, q = min (p, pixels - 1);
            vec4 d = channel_load (from + q);
            if (LIVE)
                d -= (sum + (channel_load (at + q) - mean) * inverse * product) * share;
            if (p < pixels && b == block)
                channel_store (to + p, d * factor);
        }
    }
    if (lane > 0 || b != block)
        return;
    if ((GIVE & 2) != 0)
        channel_give (push.dscale, b, product);
    if ((GIVE & 4) != 0)
        channel_give (push.dbias, b, sum);
}
