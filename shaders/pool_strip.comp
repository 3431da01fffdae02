#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Max or average over small windows without dilation, blocked; see pool.comp for what AVERAGE
 * divides by.
 * A lane walks down a strip of C columns of one block of 4 channels. Each input row is
 * pooled along x once, and those results are held while the window covers the row.
 * Workgroups: x: LANES strips, those of all planes in one row; y: push.rows rows.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/store.glsl"

layout (local_size_x_id = 0) in;
layout (constant_id = 0) const int LANES = 16;
layout (constant_id = 1) const int C = 4;
layout (constant_id = 2) const bool AVERAGE = false;
layout (constant_id = 3) const int KH = 3;
layout (constant_id = 4) const int KW = 3;
layout (constant_id = 5) const int SY = 1;
layout (constant_id = 6) const int SX = 1;
layout (push_constant) uniform Push { fov_push_pool push; FOV_FAR_ADDRESS };

const int COLUMNS = (C - 1) * SX + KW;
const int HELD = KH - SY; /* rows that the next output row needs again; none below 1 */

int w, h, src, left; /* of the strip */
vec4 result[C];

vec4 join (vec4 a, vec4 b)
{
    return AVERAGE ? a + b : max (a, b);
}

/* Input row y, pooled along x for each column, into result. */
void pool_row (int y)
{
    vec4 v[COLUMNS];
    [[unroll]] for (int i = 0; i < COLUMNS; i++) {
        int x = left + i;
        bool inside = x >= 0 && x < w && y >= 0 && y < h;
        v[i] = texelFetch (arena_texels, inside ? src + y * w + x : 0);
        v[i] = inside || AVERAGE ? v[i] : vec4 (uintBitsToFloat (0xff800000u));
    }
    [[unroll]] for (int j = 0; j < C; j++) {
        result[j] = v[j * SX];
        [[unroll]] for (int kx = 1; kx < KW; kx++)
            result[j] = join (result[j], v[j * SX + kx]);
    }
}

/* Of the k pixels from first on, how many count. */
int counted (int first, int k, int from, int to)
{
    return max (min (first + k, to) - max (first, from), 0);
}

void main ()
{
    int oh = push.oh, ow = push.ow, rows = push.rows, strips = push.strips, planes = push.planes;
    int pad_y = push.pad_top, pad_x = push.pad_left, padded = push.include_pad, dst = push.dst;
    w = push.w;
    h = push.h;
    src = push.src;
    ivec2 from = padded * ivec2 (-pad_x, -pad_y);
    ivec2 to = ivec2 (w, h) + padded * ivec2 (push.pad_right, push.pad_bottom);

    int strip = int (gl_WorkGroupID.x) * LANES + int (gl_LocalInvocationID.x);
    bool there = strip < strips * planes;
    strip = min (strip, strips * planes - 1);
    int plane = divide (strip, strips), ox = (strip - plane * strips) * C;
    int oy = int (gl_WorkGroupID.y) * rows, end = min (oy + rows, oh);
    int iy = oy * SY - pad_y, o = dst + (plane * oh + oy) * ow + ox;
    left = ox * SX - pad_x;
    src += plane * h * w;

    vec4 held[KH][C];
    [[unroll]] for (int r = 0; r < HELD; r++) {
        pool_row (iy + r);
        [[unroll]] for (int j = 0; j < C; j++)
            held[min (r + SY, KH - 1)][j] = result[j];
    }
    for (; oy < end; oy++) {
        [[unroll]] for (int r = 0; r < HELD; r++)
            [[unroll]] for (int j = 0; j < C; j++)
                held[r][j] = held[min (r + SY, KH - 1)][j];
        [[unroll]] for (int r = max (HELD, 0); r < KH; r++) {
            pool_row (iy + r);
            [[unroll]] for (int j = 0; j < C; j++)
                held[r][j] = result[j];
        }
        int count_y = counted (iy, KH, from.y, to.y);
        [[unroll]] for (int j = 0; j < C; j++) {
            vec4 y = held[0][j];
            [[unroll]] for (int r = 1; r < KH; r++)
                y = join (y, held[r][j]);
            if (AVERAGE)
                y /= float (max (count_y * counted (left + j * SX, KW, from.x, to.x), 1));
            if (there && ox + j < ow)
                store (o + j, y);
        }
        iy += SY;
        o += ow;
    }
}
