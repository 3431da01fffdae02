#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What noise adds to each pixel, into the scratch picture aside; w: 0, or the level + 1 of one that
 * turns black or white. A lane of 64 makes ROUNDS pixels, 64 apart.
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
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"

/* Philox 4x32-10 (vision/random.h). */
uvec4 philox (uvec2 key, uvec4 c)
{
    int i = 0;
    do {
        uint high_a, low_a, high_b, low_b;
        umulExtended (0xD2511F53u, c.x, high_a, low_a);
        umulExtended (0xCD9E8D57u, c.z, high_b, low_b);
        c = uvec4 (high_b ^ c.y ^ key.x, low_b, high_a ^ c.w ^ key.y, low_a);
        key += uvec2 (0x9E3779B9u, 0xBB67AE85u);
        i++;
    } while (i < 10);
    return c;
}

/* Sixteen random bytes as a value of mean 0 and deviation 1. */
float normal (uvec4 words)
{
    uvec4 sums = (words & 255u) + (words >> 8 & 255u) + (words >> 16 & 255u) + (words >> 24);
    return (float (sums.x + sums.y + sums.z + sums.w) - 2040.0) / 295.6032701;
}

void main ()
{
    int width = push.width, pixels = width * push.height;
    int first = flat_group () * 64 * ROUNDS + int (gl_LocalInvocationID.x);
    float noise = look_float (LOOK_NOISE), salt = look_float (LOOK_SALT);
    uvec2 key = uvec2 (look_int (LOOK_KEY), look_int (LOOK_KEY + 1));
    int rounds = noise > 0.0 || salt > 0.0 ? ROUNDS : 0;
    /* Words below salt 2^32, a whole number or rounded to the next; in halves, to fit. */
    uint below = uint (ceil (clamp (salt, 0.0, 0.5) * 4294967296.0));
    below += uint (ceil ((clamp (salt, 0.5, 0.99999994) - 0.5) * 4294967296.0));

    for (int i = 0; i < rounds; i++) {
        int p = min (first + i * 64, pixels - 1), y = divide (p, width);
        uvec4 at = uvec4 (p - y * width, y, noise > 0.0 ? 0 : 3, 0);
        vec4 v = vec4 (0);
        uvec4 words;
        do {
            words = philox (key, at);
            v.xyz += normal (words) * vec3 (equal (uvec3 (at.z), uvec3 (0, 1, 2)));
            at.z++;
        } while (at.z < (salt > 0.0 ? 4u : 3u));
        bool hit = at.z == 4u && (salt >= 1.0 || words.x < below);
        v.xyz *= max (noise, 0.0);
        v.w = hit ? ((words.y & 1u) != 0u ? 256.0 : 1.0) : 0.0;
        if (first + i * 64 < pixels)
            arena4[push.aside + p] = v;
    }
}
