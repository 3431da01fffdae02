/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_LONG_GLSL
#define FOV_LONG_GLSL

/* 64-bit integers as (low, high) words: not every device has them. They wrap around. */

uvec2 long_neg (uvec2 a)
{
    return uvec2 (~a.x + 1u, ~a.y + (a.x == 0u ? 1u : 0u));
}

uvec2 long_abs (uvec2 a)
{
    return int (a.y) < 0 ? long_neg (a) : a;
}

uvec2 long_add (uvec2 a, uvec2 b)
{
    uint carry, low = uaddCarry (a.x, b.x, carry);
    return uvec2 (low, a.y + b.y + carry);
}

uvec2 long_mul (uvec2 a, uvec2 b)
{
    uint high, low;
    umulExtended (a.x, b.x, high, low);
    return uvec2 (low, high + a.x * b.y + a.y * b.x);
}

bool long_less (uvec2 a, uvec2 b)
{
    return a.y == b.y ? a.x < b.x : int (a.y) < int (b.y);
}

/* Quotient and remainder of magnitudes, bit by bit: division is rare. */
uvec4 long_divide_magnitudes (uvec2 a, uvec2 b)
{
    uvec2 q = uvec2 (0), r = uvec2 (0);
    for (int k = 63; k >= 0; k--) {
        uint bit = (k < 32 ? a.x >> k : a.y >> (k - 32)) & 1u;
        r = uvec2 (r.x << 1 | bit, r.y << 1 | r.x >> 31);
        if (r.y > b.y || (r.y == b.y && r.x >= b.x)) {
            r = long_add (r, long_neg (b));
            if (k < 32)
                q.x |= 1u << k;
            else
                q.y |= 1u << (k - 32);
        }
    }
    return uvec4 (q, r);
}

/* Towards 0, as C; b is not 0. */
uvec2 long_div (uvec2 a, uvec2 b)
{
    uvec2 q = long_divide_magnitudes (long_abs (a), long_abs (b)).xy;
    return int (a.y ^ b.y) < 0 ? long_neg (q) : q;
}

/* The sign of a where as_c, else that of b. */
uvec2 long_mod (uvec2 a, uvec2 b, bool as_c)
{
    uvec2 r = long_divide_magnitudes (long_abs (a), long_abs (b)).zw;
    if (int (a.y) < 0)
        r = long_neg (r);
    return !as_c && r != uvec2 (0) && int (r.y ^ b.y) < 0 ? long_add (r, b) : r;
}

float long_to_float (uvec2 a)
{
    /* What fits a word is rounded once. */
    if (int (a.y) == int (a.x) >> 31)
        return float (int (a.x));
    uvec2 m = long_abs (a);
    float f = float (m.y) * 4294967296.0 + float (m.x);
    return int (a.y) < 0 ? -f : f;
}

/* Whole f; beyond the range the nearest end, 0 of what is no number. */
uvec2 float_to_long (float f)
{
    float m = abs (f);
    if (!(m < 9223372036854775808.0)) {
        if (isnan (f))
            return uvec2 (0);
        return f < 0 ? uvec2 (0, 0x80000000u) : uvec2 (0xffffffffu, 0x7fffffffu);
    }
    float high = floor (m / 4294967296.0);
    uvec2 a = uvec2 (uint (m - high * 4294967296.0), uint (high));
    return f < 0 ? long_neg (a) : a;
}

#endif
