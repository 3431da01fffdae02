#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.AugmentShape (runtime/ops/augment.h) of one picture, into a block of 4 channels: the layers
 * over each other, each looked up through its homography. A lane makes four neighbouring pixels of
 * a row; workgroups of 64 cover ceil(width / 4) * height lanes. Positions are rounded as on the
 * host, so that the same pixels lie inside.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const bool NEAREST = false;
layout (push_constant) uniform Push { fov_push_augment_shape push; FOV_FAR_ADDRESS };
layout (set = 0, binding = 4, std430) readonly buffer InputsVec4 { uvec4 inputs4[]; };

const int LAYERS = 8, LAYER_WORDS4 = 7;

struct Layer {
    int offset, stride, bytes;
    ivec4 limits; /* x_min, x_max, y_min, y_max */
    vec3 fill;
    float alpha;
};

/* 24 bits that start at bit `shift` of the first word. */
uint bits_at (uint first, uint second, int shift)
{
    uint above = shift == 0 ? 0u : second << (32 - shift);
    return first >> shift | above;
}

vec3 channels (uint pixel, int bytes)
{
    uvec3 v = uvec3 (pixel & 255u, pixel >> 8 & 255u, pixel >> 16 & 255u);
    return bytes > 1 ? vec3 (v) : vec3 (float (v.x));
}

/* Between the pixel at byte `address` and the one to its right, which may be the same. */
vec3 row_at (Layer l, int pictures, int address, bool more, float f)
{
    int word = pictures + (address >> 2), shift = (address & 3) * 8;
    int next = shift + (more ? l.bytes * 8 : 0);
    uint w0 = inputs[word], w1 = inputs[word + 1], w2 = inputs[word + 2];
    uint right = next < 32 ? bits_at (w0, w1, next & 31) : bits_at (w1, w2, next & 31);
    vec3 a = channels (bits_at (w0, w1, shift), l.bytes), b = channels (right, l.bytes);
    return a + f * (b - a);
}

vec3 look_at (Layer l, int pictures, vec2 uv)
{
    vec2 low = vec2 (l.limits.xz), high = vec2 (l.limits.yw);
    vec2 place = clamp (NEAREST ? floor (uv) : uv - 0.5, low, high);
    ivec2 at = ivec2 (place);
    vec2 f = place - vec2 (at);
    int top = l.offset + at.y * l.stride + at.x * l.bytes;
    if (NEAREST)
        return row_at (l, pictures, top, false, 0.0);
    int bottom = at.y < l.limits.w ? top + l.stride : top;
    bool more = at.x < l.limits.y;
    vec3 a = row_at (l, pictures, top, more, f.x), b = row_at (l, pictures, bottom, more, f.x);
    return a + f.y * (b - a);
}

/* Where the four pixels from (x0, row) on lie in the layer at `at`; which do. */
void place_in (int at, int row, int x0, out vec2 uv[4], out bool inside[4])
{
    vec4 region = uintBitsToFloat (inputs4[at + 2]);
    vec4 h0 = uintBitsToFloat (inputs4[at + 3]), h4 = uintBitsToFloat (inputs4[at + 4]);
    precise float y = float (row) + 0.5;
    precise float start_u = h0.y * y + h0.z, start_v = h4.x * y + h4.y;
    precise float start_w = h4.w * y + uintBitsToFloat (inputs4[at + 5].x);
    bool is_flat = h4.z == 0.0 && start_w == 1.0;
    [[unroll]] for (int i = 0; i < 4; i++) {
        precise float x = float (x0 + i) + 0.5;
        precise float u = h0.x * x + start_u, v = h0.w * x + start_v, w = h4.z * x + start_w;
        u = is_flat ? u : u / w;
        v = is_flat ? v : v / w;
        inside[i] = w > 0.0 && u >= region.x && u < region.z && v >= region.y && v < region.w;
        uv[i] = inside[i] ? vec2 (u, v) : vec2 (0);
    }
}

void main ()
{
    int width = push.width, height = push.height, layers = push.layers, pictures = push.pictures;
    int across = (width + 3) >> 2, lane = flat_group () * 64 + int (gl_LocalInvocationID.x);
    int row = divide (lane, across), x0 = (lane - row * across) * 4;
    int drawn = 0;
    vec3 made[4];

    [[unroll]] for (int k = 0; k < LAYERS; k++)
        drawn |= uintBitsToFloat (inputs4[layers + k * LAYER_WORDS4 + 5].y) > 0.0 ? 1 << k : 0;
    [[unroll]] for (int i = 0; i < 4; i++)
        made[i] = vec3 (push.pad);
    /*
     * As many rounds for all lanes: lavapipe loses what a lane had that leaves such a loop before
     * others. With no layer there is one round, of one whose alpha is 0.
     */
    do {
        int at = layers + max (findLSB (drawn), 0) * LAYER_WORDS4;
        uvec4 place = inputs4[at], words = inputs4[at + 5];
        Layer l = Layer (int (place.x), int (place.z), int (place.w), ivec4 (inputs4[at + 1]),
                         uintBitsToFloat (uvec3 (words.zw, inputs4[at + 6].x)),
                         max (uintBitsToFloat (words.y), 0.0));
        vec2 uv[4];
        bool inside[4];
        place_in (at, row, x0, uv, inside);
        [[unroll]] for (int i = 0; i < 4; i++) {
            vec3 shown = l.bytes > 0 ? look_at (l, pictures, uv[i]) : l.fill;
            made[i] += inside[i] ? l.alpha * (shown - made[i]) : vec3 (0);
        }
        drawn &= drawn - 1;
    } while (drawn != 0);
    [[unroll]] for (int i = 0; i < 4; i++)
        if (row < height && x0 + i < width)
            arena4[push.dst + row * width + x0 + i] =
                push.channels > 1 ? vec4 (made[i], 0) : vec4 (made[i].x, 0, 0, 0);
}
