#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * y[i] = f (x[i]) from type FROM to type TO, planar. FUNC: 0 x in the other type
 * (floats towards 0 and to the nearest end of the range, integers wrap around),
 * 1 not x, 2 x is no number, 3 -x, 4 |x|, 5 sign of x, 6 max (x, 0); 3 to 6 of integers.
 */
#extension GL_GOOGLE_include_directive : require
#include "push.h"
#include "lib/bind.glsl"
#include "lib/flat.glsl"
#include "lib/long.glsl"

layout (local_size_x = 64) in;
layout (constant_id = 0) const int FROM = 0;
layout (constant_id = 1) const int TO = 0;
layout (constant_id = 2) const int FUNC = 0;
layout (push_constant) uniform Push { fov_push_cast push; FOV_FAR_ADDRESS };
#include "lib/typed.glsl"

uvec2 from_bool (bool b)
{
    return uvec2 (b ? 1 : 0, 0);
}

uvec2 from_float (uint bits)
{
    float f = uintBitsToFloat (bits);
    switch (TO) {
    case TYPE_F32: return uvec2 (bits, 0);
    case TYPE_BOOL: return from_bool ((bits << 1) != 0u);
    case TYPE_I8: f = clamp (f, -128.0, 127.0); break;
    case TYPE_U8: f = clamp (f, 0.0, 255.0); break;
    case TYPE_I32:
        if (f >= 2147483648.0)
            return uvec2 (0x7fffffffu, 0);
        f = max (f, -2147483648.0);
        break;
    }
    return (bits & 0x7fffffffu) > 0x7f800000u ? uvec2 (0) : float_to_long (trunc (f));
}

uvec2 function (uvec2 x)
{
    bool negative = int (x.y) < 0;
    switch (FUNC) {
    case 1: return from_bool (x.x == 0u);
    case 2: return from_bool ((x.x & 0x7fffffffu) > 0x7f800000u);
    case 3: return long_neg (x);
    case 4: return long_abs (x);
    case 5: return negative ? uvec2 (0xffffffffu) : from_bool (x != uvec2 (0));
    case 6: return negative ? uvec2 (0) : x;
    }
    if (FROM == TYPE_F32)
        return from_float (x.x);
    if (TO == TYPE_F32)
        return uvec2 (floatBitsToUint (long_to_float (x)), 0);
    return TO == TYPE_BOOL ? from_bool (x != uvec2 (0)) : x;
}

uvec2 element (int i)
{
    return function (load_element (FROM, false, push.src, i));
}

void main ()
{
    write_elements (TO, push.dst, push.n);
}
