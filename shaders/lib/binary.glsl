/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_BINARY_GLSL
#define FOV_BINARY_GLSL

/* Elementwise functions of two variables: FovBinaryKind of runtime/graph/params.h. */

/* GLSL leaves pow of negative numbers open. */
vec4 binary_pow (vec4 a, vec4 b)
{
    vec4 r = pow (abs (a), b);
    vec4 whole = floor (b);
    bvec4 odd = notEqual (whole, 2.0 * floor (whole * 0.5));
    vec4 signed_r = mix (r, -r, odd);
    vec4 negative = mix (vec4 (uintBitsToFloat (0x7fc00000u)), signed_r, equal (whole, b));
    r = mix (r, negative, lessThan (a, vec4 (0)));
    return mix (r, vec4 (1), equal (b, vec4 (0)));
}

/* kind is a specialisation constant: one case is left of this. */
vec4 binary (vec4 a, vec4 b, int kind)
{
    switch (kind) {
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return binary_pow (a, b);
    case 5: return min (a, b);
    case 6: return max (a, b);
    case 7: return a - b * trunc (a / b);
    case 8: return mix (a, a * b, lessThan (a, vec4 (0)));
    case 18: return (a + b) * 0.5;
    default: return a + b;
    }
}

#endif
