#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rows of a Gaussian blur (lib/augment.glsl does the columns), into vec4 per pixel; nothing
 * where the look has none. A lane of 64 makes 8 pixels, 64 apart.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool BLOCKED = true;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"

void main ()
{
    int width = push.width, pixels = width * push.height;
    int first = flat_group () * 512 + int (gl_LocalInvocationID.x);
    float sigma = look_blur ();
    int radius = blur_radius (sigma), rounds = radius < 0 ? 0 : 8;

    for (int i = 0; i < rounds; i++) {
        int p = min (first + i * 64, pixels - 1), y = divide (p, width), x = p - y * width;
        vec3 sum = vec3 (0);
        float weights = 0.0;
        for (int d = -radius; d <= radius; d++) {
            float weight = blur_weight (d, sigma);
            sum += weight * source_pixel (p - x + clamp (x + d, 0, width - 1));
            weights += weight;
        }
        if (first + i * 64 < pixels)
            arena4[push.rows + p] = vec4 (sum / weights, 0);
    }
}
