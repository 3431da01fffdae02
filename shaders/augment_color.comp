#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.AugmentColor (runtime/ops/augment.h) of one picture: columns of the blur, the curves of
 * equalisation, and each pixel's own changes. Planar; ALIGNED: planes start at multiples of 4. A
 * lane of 64 makes four pixels that follow each other.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool BLOCKED = true;
layout (constant_id = 1) const bool ALIGNED = true;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"

/* Philox 4x32-10 (vision/random.h). */
uvec4 philox (uvec2 key, uvec4 c)
{
    for (int i = 0; i < 10; i++) {
        uint high_a, low_a, high_b, low_b;
        umulExtended (0xD2511F53u, c.x, high_a, low_a);
        umulExtended (0xCD9E8D57u, c.z, high_b, low_b);
        c = uvec4 (high_b ^ c.y ^ key.x, low_b, high_a ^ c.w ^ key.y, low_a);
        key += uvec2 (0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

/* Sixteen random bytes as a value of mean 0 and deviation 1. */
float normal (uvec4 words)
{
    uvec4 sums = (words & 255u) + (words >> 8 & 255u) + (words >> 16 & 255u) + (words >> 24);
    return (float (sums.x + sums.y + sums.z + sums.w) - 2040.0) / 295.6032701;
}

float follow (int curve, int b, float f)
{
    float low = fetch_arena (curve + b);
    return low + f * (fetch_arena (curve + b + 1) - low);
}

/* What equalisation adds to a pixel: between the four tiles whose middles are nearest. */
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
    return mix (above, below, f.y) - v;
}

void store (int first, int pixels, vec3 v[4])
{
    [[unroll]] for (int c = 0; c < 3; c++) {
        int at = push.dst + c * pixels + first;
        if (ALIGNED) {
            if (first < pixels)
                arena4[at >> 2] = vec4 (v[0][c], v[1][c], v[2][c], v[3][c]);
        } else {
            [[unroll]] for (int k = 0; k < 4; k++)
                if (first + k < pixels)
                    arena[at + k] = v[k][c];
        }
    }
}

void main ()
{
    int width = push.width, height = push.height, pixels = width * height, curves = push.curves;
    int first = 4 * (flat_group () * 64 + int (gl_LocalInvocationID.x)), n = look_tiles ();
    float sigma = look_blur (), gamma = look_float (LOOK_GAMMA), noise = look_float (LOOK_NOISE);
    float salt = look_float (LOOK_SALT);
    uvec2 key = uvec2 (look_int (LOOK_KEY), look_int (LOOK_KEY + 1));
    vec3 light = vec3 (look_float (LOOK_LIGHT), look_float (LOOK_LIGHT + 1),
                       look_float (LOOK_LIGHT + 2));
    vec4 m[3];
    [[unroll]] for (int c = 0; c < 3; c++)
        m[c] = vec4 (look_float (LOOK_MATRIX + 4 * c), look_float (LOOK_MATRIX + 4 * c + 1),
                     look_float (LOOK_MATRIX + 4 * c + 2), look_float (LOOK_MATRIX + 4 * c + 3));
    vec3 mean = vec3 (push.mean0, push.mean1, push.mean2);
    vec3 scale = vec3 (push.scale0, push.scale1, push.scale2);
    bool bgr = push.bgr != 0;
    ivec2 at[4];
    vec3 v[4];

    [[unroll]] for (int k = 0; k < 4; k++) {
        int p = min (first + k, pixels - 1), y = divide (p, width);
        at[k] = ivec2 (p - y * width, y);
        v[k] = pixel_at (at[k].x, at[k].y, sigma);
    }
    for (int once = 0; once < min (n, 1); once++)
        [[unroll]] for (int k = 0; k < 4; k++)
            v[k] += equalised (at[k], luma (v[k]), n, curves);
    [[unroll]] for (int k = 0; k < 4; k++)
        v[k] = clamp (vec3 (dot (m[0].xyz, v[k]) + m[0].w, dot (m[1].xyz, v[k]) + m[1].w,
                            dot (m[2].xyz, v[k]) + m[2].w),
                      0.0, 255.0);
    for (int once = 0; once < (gamma != 1.0 ? 1 : 0); once++)
        [[unroll]] for (int k = 0; k < 4; k++)
            v[k] = mix (255.0 * pow (max (v[k], 1e-6) / 255.0, vec3 (gamma)), vec3 (0),
                        lessThanEqual (v[k], vec3 (0)));
    [[unroll]] for (int k = 0; k < 4; k++) {
        vec2 place = (vec2 (at[k]) + 0.5) / vec2 (width, height) - 0.5;
        v[k] *= light.x + light.z * place.y + light.y * place.x;
    }
    for (int c = 0; c < (noise > 0.0 ? 3 : 0); c++)
        [[unroll]] for (int k = 0; k < 4; k++)
            v[k] += noise * normal (philox (key, uvec4 (at[k], c, 0))) *
                    vec3 (equal (ivec3 (c), ivec3 (0, 1, 2)));
    for (int once = 0; once < (salt > 0.0 ? 1 : 0); once++) {
        /* Words below salt 2^32, which is a whole number or is rounded to the next. */
        uint below = uint (ceil (min (salt, 0.5) * 4294967296.0));
        uint above = salt > 0.5 ? uint (ceil ((min (salt, 1.0) - 0.5) * 4294967296.0)) : 0u;
        [[unroll]] for (int k = 0; k < 4; k++) {
            uvec4 words = philox (key, uvec4 (at[k], 3, 0));
            bool hit = salt >= 1.0 || words.x < below + above;
            v[k] = hit ? vec3 ((words.y & 1u) != 0u ? 255.0 : 0.0) : v[k];
        }
    }
    [[unroll]] for (int k = 0; k < 4; k++) {
        vec3 rgb = clamp (v[k], 0.0, 255.0);
        v[k] = ((bgr ? rgb.zyx : rgb) - mean) * scale;
    }
    store (first, pixels, v);
}
