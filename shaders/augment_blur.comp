#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A Gaussian blur: rows of the picture into the scratch picture aside, or COLUMNS of that into
 * changed. A lane of 64 makes ROUNDS pixels, 64 apart.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool BLOCKED = true;
layout (constant_id = 1) const int ROUNDS = 8;
layout (constant_id = 2) const bool COLUMNS = false;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"

vec3 tap (int x, int y)
{
    int p = clamp (y, 0, push.height - 1) * push.width + clamp (x, 0, push.width - 1);
    return COLUMNS ? texelFetch (arena_texels, push.aside + p).xyz : pixel_at (p, false);
}

void main ()
{
    int width = push.width, pixels = width * push.height, dst = COLUMNS ? push.changed : push.aside;
    int first = flat_group () * 64 * ROUNDS + int (gl_LocalInvocationID.x);
    float sigma = look_blur ();
    int radius = int (ceil (3.0 * sigma)), rounds = sigma > 0.0 ? ROUNDS : 0;
    float by = -0.5 / (sigma * sigma);

    for (int i = 0; i < rounds; i++) {
        int p = min (first + i * 64, pixels - 1), y = divide (p, width), x = p - y * width;
        vec3 sum = tap (x, y);
        float weights = 1.0;
        int d = 1;
        do {
            float weight = exp (float (d * d) * by);
            ivec2 off = COLUMNS ? ivec2 (0, d) : ivec2 (d, 0);
            sum += weight * (tap (x + off.x, y + off.y) + tap (x - off.x, y - off.y));
            weights += 2.0 * weight;
            d++;
        } while (d <= radius);
        if (first + i * 64 < pixels)
            arena4[dst + p] = vec4 (sum / weights, 0);
    }
}
