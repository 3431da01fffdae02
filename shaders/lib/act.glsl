/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_ACT_GLSL
#define FOV_ACT_GLSL

/* Elementwise functions: FovActKind of runtime/graph/params.h, where each one's formula stands. */

vec4 act_sigmoid (vec4 x)
{
    return 1.0 / (1.0 + exp (-x));
}

/* In this form neither end overflows. */
vec4 act_tanh (vec4 x)
{
    return 1.0 - 2.0 / (exp (2.0 * x) + 1.0);
}

vec4 act_softplus (vec4 x)
{
    return max (x, 0.0) + log (1.0 + exp (-abs (x)));
}

/* Abramowitz and Stegun, 7.1.26: |error| < 1.5e-7; below 1/2 the series, which keeps erf(0) = 0. */
vec4 act_erf (vec4 x)
{
    vec4 a = abs (x), t = 1.0 / (1.0 + 0.3275911 * a), s = x * x;
    vec4 p = t * (0.254829592 +
                  t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    vec4 small = x * (1.1283791671 +
                      s * (-0.3761263890 + s * (0.1128379167 + s * (-0.0268661706 +
                                                s * (0.0052239776 - s * 0.0008548327)))));
    return mix (sign (x) * (1.0 - p * exp (-s)), small, lessThan (a, vec4 (0.5)));
}

/* kind is a specialisation constant: one case is left of this. */
vec4 act (vec4 x, int kind, float a, float b)
{
    switch (kind) {
    case 1: return max (x, 0.0);
    case 2: return min (max (x, a), b);
    case 3: return mix (x, a * x, lessThan (x, vec4 (0)));
    case 4: return act_sigmoid (x);
    case 5: return x * act_sigmoid (x);
    case 6: return clamp (a * x + b, 0.0, 1.0);
    case 7: return x * clamp (x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    case 8: return act_tanh (x);
    case 9: return mix (x, a * (exp (min (x, 0.0)) - 1.0), lessThan (x, vec4 (0)));
    case 10: return b * mix (x, a * (exp (min (x, 0.0)) - 1.0), lessThan (x, vec4 (0)));
    case 11: return act_softplus (x);
    case 12: return x * act_tanh (act_softplus (x));
    case 13: return 0.5 * x * (1.0 + act_erf (x * 0.70710678));
    case 14: return exp (x);
    case 15: return log (x);
    case 16: return sqrt (x);
    case 17: return -x;
    case 18: return abs (x);
    case 19: return 1.0 / x;
    case 20: return floor (x);
    case 21: return ceil (x);
    case 22: return roundEven (x);
    case 23: return act_erf (x);
    case 24: return sin (x);
    case 25: return cos (x);
    case 26: return sign (x);
    case 27: return x / (1.0 + abs (x));
    case 28: return x * x;
    default: return x;
    }
}

/* Keeps the unused channels of the last block 0; used: how many it has. */
vec4 keep_channels (vec4 x, int used)
{
    return mix (vec4 (0), x, lessThan (ivec4 (0, 1, 2, 3), ivec4 (used)));
}

#endif
