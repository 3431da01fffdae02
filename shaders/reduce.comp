#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Planar x [outer][size][inner] -> y [outer][inner]; a lane makes one value.
 * KIND: FovReduceKind (0 sum, 1 mean, 2 max, 3 min, 4 product, 5 L1, 6 L2,
 * 7 sum of squares, 8 log of the sum, 9 log of the sum of exponentials, 10 root of the sum), or 16
 * argmax, 17 argmin; LATE: of equals the last. Those write 64-bit integers.
 * A line may be a part of a longer one: [outer][parts of size][inner] of [outer][whole][inner].
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/divide.glsl"
#include "lib/fetch.glsl"
#include "lib/flat.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int KIND = 0;
layout (constant_id = 1) const bool LATE = false;
layout (push_constant) uniform Push { fov_push_reduce push; FOV_FAR_ADDRESS };

float join (float a, float x)
{
    switch (KIND) {
    case 2: return max (a, x);
    case 3: return min (a, x);
    case 4: return a * x;
    case 5: return a + abs (x);
    case 6: case 7: return a + x * x;
    default: return a + x;
    }
}

float finish (float a)
{
    switch (KIND) {
    case 1: return a * push.scale;
    case 6: case 10: return sqrt (a);
    case 8: return log (a);
    default: return a;
    }
}

void main ()
{
    int inner = push.inner, size = push.size;
    int o = flat_group () * 64 + int (gl_LocalInvocationID.x), q = min (o, push.n - 1);
    int line = divide (q, inner), outer = divide (line, push.parts);
    int start = (line - outer * push.parts) * size, at = push.src + (outer * push.whole + start) *
             inner + (q - line * inner), begin = at;
    size = min (size, push.whole - start);
    float first = fetch_arena (at), a = first;
    int best = 0;
    if (KIND < 16 && KIND != 2 && KIND != 3)
        a = KIND == 4 ? 1.0 : 0.0;
    for (int k = 0; k < size; k++) {
        float x = fetch_arena (at);
        at += inner;
        if (KIND == 9) {
            a = k == 0 ? x : max (a, x);
        } else if (KIND < 16) {
            a = join (a, x);
        } else {
            bool better = KIND == 16 ? x > a : x < a;
            better = better || (LATE && x == a);
            best = better ? k : best;
            a = better ? x : a;
        }
    }
    if (KIND == 9) {
        float sum = 0.0;
        for (int k = 0; k < size; k++)
            sum += exp (fetch_arena (begin + k * inner) - a);
        a += log (sum);
    }
    if (o >= push.n)
        return;
    if (KIND < 16) {
        arena[push.dst + o] = finish (a);
    } else {
        arena[push.dst + 2 * o] = intBitsToFloat (best);
        arena[push.dst + 2 * o + 1] = 0.0;
    }
}
