/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_STORE_GLSL
#define FOV_STORE_GLSL

/*
 * One vec4 into the arena. Where a processor plays the GPU, lanes may store one
 * after the other, a word at a time: two of 64 bits cost less than four of 32.
 */
#ifdef FOV_WIDE
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout (set = 0, binding = 0, std430) writeonly buffer ArenaWide { u64vec2 arena_wide[]; };

void store (int at, vec4 v)
{
    arena_wide[at] = u64vec2 (packUint2x32 (floatBitsToUint (v.xy)),
                              packUint2x32 (floatBitsToUint (v.zw)));
}
#else
void store (int at, vec4 v)
{
    arena4[at] = v;
}
#endif

#endif
