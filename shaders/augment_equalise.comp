#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Luma by the curves of augment_curves, into the scratch picture changed. A lane of 64 makes ROUNDS
 * pixels, 64 apart.
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

float follow (int curve, int b, float f)
{
    float low = fetch_arena (curve + b);
    return low + f * (fetch_arena (curve + b + 1) - low);
}

/* Between the four tiles whose middles are nearest. */
float equalised (ivec2 at, float v, int n, int curves)
{
    vec2 size = vec2 (push.width, push.height), last = vec2 (n - 1);
    vec2 t = clamp ((vec2 (at) + 0.5) * float (n) / size - 0.5, vec2 (0), last);
    ivec2 i = ivec2 (t), i1 = min (i + 1, ivec2 (n - 1));
    vec2 f = t - vec2 (i);
    int b = min (int (v), BINS - 2), top = i.y * n, bottom = i1.y * n;
    float within = v - float (b);
    float above = mix (follow (curves + (top + i.x) * BINS, b, within),
                       follow (curves + (top + i1.x) * BINS, b, within), f.x);
    float below = mix (follow (curves + (bottom + i.x) * BINS, b, within),
                       follow (curves + (bottom + i1.x) * BINS, b, within), f.x);
    return mix (above, below, f.y);
}

void main ()
{
    int width = push.width, pixels = width * push.height, curves = push.curves, n = look_tiles ();
    int first = flat_group () * 64 * ROUNDS + int (gl_LocalInvocationID.x);
    int rounds = n > 0 ? ROUNDS : 0;
    bool blurred = look_blur () > 0.0;

    n = max (n, 1);
    for (int i = 0; i < rounds; i++) {
        int p = min (first + i * 64, pixels - 1), y = divide (p, width);
        vec3 rgb = pixel_at (p, blurred);
        float v = luma (rgb);
        rgb += equalised (ivec2 (p - y * width, y), v, n, curves) - v;
        if (first + i * 64 < pixels)
            arena4[push.changed + p] = vec4 (rgb, 0);
    }
}
