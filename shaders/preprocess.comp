#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fov.Preprocess (runtime/ops/frame.h) of one picture: bilinear sample, colour
 * matrix, normalisation. A lane makes four neighbouring pixels of a row; the
 * grid covers ceil(width / 4) * height lanes. Two words are read for each tap:
 * the pixel's (or luma's), and the next one (or the chroma pair's); planes lie at
 * multiples of 4 bytes.
 * LAYOUT: 0 planar, 1 planar and width a multiple of 4, 2 blocked by 4.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/frame.glsl"
#include "lib/normalise.glsl"

layout (local_size_x = 128) in;
layout (constant_id = 0) const int LAYOUT = 0;
layout (push_constant) uniform Push { fov_push_preprocess push; FOV_FAR_ADDRESS };

struct Grid {
    float start, step;
    int low, high;
};

struct Tap {
    int at0, at1;
    float f;
};

Tap tap_at (Grid g, int i)
{
    float x = clamp (g.start + g.step * float (i), float (g.low), float (g.high));
    Tap t;
    t.at0 = int (x);
    t.at1 = min (t.at0 + 1, g.high);
    t.f = x - float (t.at0);
    return t;
}

struct Source {
    bool packed_pixels, chroma;
    int pixel_bytes, plane0, stride0, plane1, stride1;
};

uint word (int address)
{
    return inputs[push.pictures + (address >> 2)];
}

/* The three bytes at luma (x, y) and chroma (cx, cy). */
vec3 tap (Source s, int x, int y, int cx, int cy)
{
    int a = s.plane0 + y * s.stride0 + x * s.pixel_bytes;
    int b = s.packed_pixels ? a + 4 : s.plane1 + cy * s.stride1 + cx * 2;
    uint first = word (a), second = word (b);
    int shift = (a & 3) * 8;
    uint pixel = first >> shift;
    if (s.packed_pixels) {
        uint above = shift == 0 ? 0u : second << (32 - shift);
        pixel |= above;
    } else {
        pixel = (pixel & 255u) | ((second >> ((b & 3) * 8)) << 8);
    }
    return vec3 (float (pixel & 255u), float (pixel >> 8 & 255u), float (pixel >> 16 & 255u));
}

vec3 blend (vec3 p, vec3 q, vec3 f)
{
    return p + f * (q - p);
}

void store (int x, int y, vec3 v)
{
    int plane = push.width * push.height, at = y * push.width + x;
    if (LAYOUT == 2) {
        arena4[(push.dst >> 2) + at] = vec4 (v, 0.0);
    } else {
        arena[push.dst + at] = v.x;
        arena[push.dst + plane + at] = v.y;
        arena[push.dst + 2 * plane + at] = v.z;
    }
}

void main ()
{
    int f = push.frame;
    Grid column = Grid (frame_float (f + FRAME_START_X), frame_float (f + FRAME_STEP_X),
                        frame_int (f + FRAME_LIMITS), frame_int (f + FRAME_LIMITS + 1));
    Grid row = Grid (frame_float (f + FRAME_START_Y), frame_float (f + FRAME_STEP_Y),
                     frame_int (f + FRAME_LIMITS + 2), frame_int (f + FRAME_LIMITS + 3));
    int kind = frame_int (f + FRAME_KIND);
    Source s;
    s.packed_pixels = kind == FRAME_KIND_PACKED;
    s.chroma = kind == FRAME_KIND_SEMIPLANAR;
    s.pixel_bytes = frame_int (f + FRAME_PIXEL_BYTES);
    s.plane0 = frame_int (f + FRAME_OFFSET);
    s.stride0 = frame_int (f + FRAME_STRIDE);
    s.plane1 = s.chroma ? frame_int (f + FRAME_OFFSET + 2) : s.plane0;
    s.stride1 = s.chroma ? frame_int (f + FRAME_STRIDE + 1) : 0;
    ivec4 inner = ivec4 (frame_int (f + FRAME_INNER), frame_int (f + FRAME_INNER + 1),
                         frame_int (f + FRAME_INNER + 2), frame_int (f + FRAME_INNER + 3));
    vec4 m[3];
    for (int c = 0; c < 3; c++)
        m[c] = vec4 (frame_float (f + FRAME_MATRIX + 4 * c), frame_float (f + FRAME_MATRIX + 4 * c + 1),
                     frame_float (f + FRAME_MATRIX + 4 * c + 2),
                     frame_float (f + FRAME_MATRIX + 4 * c + 3));
    Grid chroma_column = Grid (column.start * 0.5 - 0.25, column.step * 0.5, column.low >> 1,
                               s.chroma ? column.high >> 1 : column.low >> 1);
    Grid chroma_row = Grid (row.start * 0.5 - 0.25, row.step * 0.5, row.low >> 1, row.high >> 1);
    int across = (push.width + 3) >> 2, width = push.width, height = push.height;
    int lane = int (gl_GlobalInvocationID.x);
    int y = lane / across, x0 = (lane - y * across) * 4;
    Tap ty = tap_at (row, y - inner.y), cy = tap_at (chroma_row, y - inner.y);
    bool row_inside = y >= inner.y && y < inner.y + inner.w;
    vec3 fy = s.packed_pixels ? vec3 (ty.f) : vec3 (ty.f, cy.f, cy.f);
    vec3 made[4];

    for (int k = 0; k < 4; k++) {
        int i = x0 + k - inner.x;
        Tap tx = tap_at (column, i), cx = tap_at (chroma_column, i);
        vec3 fx = s.packed_pixels ? vec3 (tx.f) : vec3 (tx.f, cx.f, cx.f);
        vec3 top = blend (tap (s, tx.at0, ty.at0, cx.at0, cy.at0),
                          tap (s, tx.at1, ty.at0, cx.at1, cy.at0), fx);
        vec3 bottom = blend (tap (s, tx.at0, ty.at1, cx.at0, cy.at1),
                             tap (s, tx.at1, ty.at1, cx.at1, cy.at1), fx);
        vec3 v = blend (top, bottom, fy);
        vec3 rgb = clamp (vec3 (dot (m[0].xyz, v) + m[0].w, dot (m[1].xyz, v) + m[1].w,
                                dot (m[2].xyz, v) + m[2].w),
                          0.0, 255.0);
        if (!row_inside || i < 0 || i >= inner.z)
            rgb = vec3 (push.pad);
        made[k] = normalised (push.normalise, rgb);
    }
    if (y >= height)
        return;
    if (LAYOUT == 1) {
        int plane = (width >> 2) * height, at = (push.dst >> 2) + y * (width >> 2) + (x0 >> 2);
        for (int c = 0; c < 3; c++)
            arena4[at + c * plane] = vec4 (made[0][c], made[1][c], made[2][c], made[3][c]);
    } else {
        for (int k = 0; k < 4; k++)
            if (x0 + k < width)
                store (x0 + k, y, made[k]);
    }
}
