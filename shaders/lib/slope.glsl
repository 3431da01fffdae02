/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_SLOPE_GLSL
#define FOV_SLOPE_GLSL

/* Derivatives of lib/act.glsl's functions; where there is a corner, as fov_act_slope has it. */
#include "lib/act.glsl"

vec4 when (bvec4 c)
{
    return vec4 (c);
}

/* kind is a specialisation constant: one case is left of this. */
vec4 act_slope (vec4 x, int kind, float a, float b)
{
    vec4 s = vec4 (0), t;
    if (kind == 4 || kind == 5 || kind == 11 || kind == 12)
        s = act_sigmoid (x);
    switch (kind) {
    case 1: return when (greaterThan (x, vec4 (0)));
    case 2: return when (greaterThanEqual (x, vec4 (a))) * when (lessThanEqual (x, vec4 (b)));
    case 3: return mix (vec4 (a), vec4 (1), greaterThan (x, vec4 (0)));
    case 4: return s * (1.0 - s);
    case 5: return s * (1.0 + x * (1.0 - s));
    case 6: t = a * x + b;
            return a * when (greaterThan (t, vec4 (0))) * when (lessThan (t, vec4 (1)));
    case 7: return mix (clamp (x * (1.0 / 3.0) + 0.5, -0.5, 1.5), vec4 (greaterThan (x, vec4 (0))),
                        greaterThan (abs (x), vec4 (3)));
    case 8: t = act_tanh (x);
            return 1.0 - t * t;
    case 9: return mix (vec4 (1), a * exp (min (x, 0.0)), lessThan (x, vec4 (0)));
    case 10: return b * mix (vec4 (1), a * exp (min (x, 0.0)), lessThan (x, vec4 (0)));
    case 11: return s;
    case 12: t = act_tanh (act_softplus (x));
             return t + x * (1.0 - t * t) * s;
    case 13: return 0.5 * (1.0 + act_erf (x * 0.70710678)) + x * exp (-0.5 * x * x) * 0.39894228;
    case 14: return exp (x);
    case 15: return 1.0 / x;
    case 16: return 0.5 / sqrt (x);
    case 17: return vec4 (-1);
    case 18: return sign (x);
    case 19: return -1.0 / (x * x);
    case 20: case 21: case 22: case 26: return vec4 (0);
    case 23: return 1.12837917 * exp (-x * x);
    case 24: return cos (x);
    case 25: return -sin (x);
    case 27: t = 1.0 + abs (x);
             return 1.0 / (t * t);
    case 28: return 2.0 * x;
    default: return vec4 (1);
    }
}

#endif
