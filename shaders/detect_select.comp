#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The k largest of a picture's keys that are not 0 (equal ones: the first), in order of
 * position: a radix select finds the least key that is taken and how many of its
 * equals, then every lane copies what it owns. One workgroup a picture; every
 * lane owns a contiguous range. Nothing depends on the order lanes run in.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"

#define LANES 256

layout (local_size_x = LANES) in;
layout (push_constant) uniform Push { fov_push_detect_select push; FOV_FAR_ADDRESS };

shared uint histogram[256];
shared uint cut, missing;
shared uint above[LANES], equal[LANES];

uint key_at (int i)
{
    return uint (arena_int[i]);
}

/* Exclusive sums over the lanes, in place. */
void scan (int lane)
{
    for (int step = 1; step < LANES; step <<= 1) {
        uint a = lane >= step ? above[lane - step] : 0u;
        uint e = lane >= step ? equal[lane - step] : 0u;
        barrier ();
        above[lane] += a;
        equal[lane] += e;
        barrier ();
    }
}

/* One digit of the radix select: among keys that agree with cut above it. */
void narrow (int lane, int from, int to, int shift)
{
    uint prefix = cut, mask = shift == 24 ? 0u : ~0u << (shift + 8);
    histogram[lane] = 0u;
    barrier ();
    for (int i = from; i < to; i++) {
        uint key = key_at (i);
        if (key != 0u && (key & mask) == prefix)
            atomicAdd (histogram[key >> shift & 255u], 1u);
    }
    barrier ();
    if (lane == 0) {
        uint left = missing;
        int digit = 255;
        while (digit > 0 && histogram[digit] < left) {
            left -= histogram[digit];
            digit--;
        }
        cut = prefix | uint (digit) << shift;
        missing = left;
    }
    barrier ();
}

void main ()
{
    int lane = int (gl_LocalInvocationID.x), base = int (gl_WorkGroupID.x) * push.step;
    int n = push.n >= 0 ? push.n : -push.n * clamp (arena_int[push.counted + base], 0, push.k);
    int each = (n + LANES - 1) / LANES, keys = push.keys + base;
    int from = min (lane * each, n) + keys, to = min ((lane + 1) * each, n) + keys;
    uint n_above = 0u, n_equal = 0u;

    for (int i = from; i < to; i++)
        n_above += key_at (i) != 0u ? 1u : 0u;
    above[lane] = n_above;
    equal[lane] = 0u;
    barrier ();
    scan (lane);
    bool crowded = above[LANES - 1] > uint (push.k);
    if (lane == 0) {
        cut = 0u;
        missing = crowded ? uint (push.k) : 0u;
    }
    barrier ();
    if (crowded) {
        for (int shift = 24; shift >= 0; shift -= 8)
            narrow (lane, from, to, shift);
        n_above = 0u;
        for (int i = from; i < to; i++) {
            n_above += key_at (i) > cut ? 1u : 0u;
            n_equal += key_at (i) == cut ? 1u : 0u;
        }
        barrier ();
        above[lane] = n_above;
        equal[lane] = n_equal;
        barrier ();
        scan (lane);
    }
    uint taken = above[lane] - n_above, ties = equal[lane] - n_equal;
    for (int i = from; i < to; i++) {
        uint key = key_at (i);
        bool tie = crowded && key == cut && ties < missing;
        if (key > cut || tie) {
            int slot = int (taken + min (ties, missing));
            arena_int[push.positions + base + slot] = i - keys;
            arena_int[push.best + base + slot] = int (key);
        }
        taken += key > cut ? 1u : 0u;
        ties += crowded && key == cut ? 1u : 0u;
    }
    if (lane == LANES - 1)
        arena_int[push.count + base] = int (above[LANES - 1] + (crowded ? missing : 0u));
}
