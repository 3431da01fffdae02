#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.AugmentColor (runtime/ops/augment.h) of one picture: each pixel's own changes, on what the
 * other augment_* have made of it. Planar; ALIGNED: planes start at multiples of 4. A lane of 64
 * makes four pixels that follow each other.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/fetch.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"
#include "lib/normalise.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool BLOCKED = true;
layout (constant_id = 1) const bool ALIGNED = true;
layout (push_constant) uniform Push { fov_push_augment push; FOV_FAR_ADDRESS };
#include "lib/augment.glsl"

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
    int width = push.width, height = push.height, pixels = width * height;
    int first = 4 * (flat_group () * 64 + int (gl_LocalInvocationID.x));
    bool changed = look_blur () > 0.0 || look_tiles () > 0;
    bool noisy = look_float (LOOK_NOISE) > 0.0 || look_float (LOOK_SALT) > 0.0;
    float gamma = look_float (LOOK_GAMMA);
    vec3 light = vec3 (look_float (LOOK_LIGHT), look_float (LOOK_LIGHT + 1),
                       look_float (LOOK_LIGHT + 2));
    vec4 m[3];
    [[unroll]] for (int c = 0; c < 3; c++)
        m[c] = vec4 (look_float (LOOK_MATRIX + 4 * c), look_float (LOOK_MATRIX + 4 * c + 1),
                     look_float (LOOK_MATRIX + 4 * c + 2), look_float (LOOK_MATRIX + 4 * c + 3));
    vec3 made[4];

    [[unroll]] for (int k = 0; k < 4; k++) {
        int p = min (first + k, pixels - 1), y = divide (p, width);
        vec2 place = (vec2 (p - y * width, y) + 0.5) / vec2 (width, height) - 0.5;
        vec3 v = pixel_at (p, changed);
        vec4 noise = noisy ? texelFetch (arena_texels, push.aside + p) : vec4 (0);
        v = clamp (vec3 (dot (m[0].xyz, v) + m[0].w, dot (m[1].xyz, v) + m[1].w,
                         dot (m[2].xyz, v) + m[2].w),
                   0.0, 255.0);
        vec3 bent = mix (255.0 * pow (max (v, 1e-6) / 255.0, vec3 (gamma)), vec3 (0),
                         lessThanEqual (v, vec3 (0)));
        v = gamma != 1.0 ? bent : v;
        v *= light.x + light.z * place.y + light.y * place.x;
        v = clamp (v + noise.xyz, 0.0, 255.0);
        v = noise.w > 0.0 ? vec3 (noise.w - 1.0) : v;
        made[k] = normalised (push.normalise, v);
    }
    store (first, pixels, made);
}
