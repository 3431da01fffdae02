/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_STORE_GLSL
#define FOV_STORE_GLSL

/*
 * One vec4 into the arena. Where a processor plays the GPU, lanes may store one
 * after the other, a word at a time: two of 64 bits cost less than four of 32.
 */
#ifdef FOV_WIDE
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#ifdef FOV_FAR
layout (buffer_reference, std430, buffer_reference_align = 16) buffer FarWide { u64vec2 v[]; };
#define arena_wide FarWide (arena_address).v
#else
layout (set = 0, binding = 0, std430) writeonly buffer ArenaWide { u64vec2 arena_wide[]; };
#endif

u64vec2 wide_words (vec4 v)
{
    return u64vec2 (packUint2x32 (floatBitsToUint (v.xy)), packUint2x32 (floatBitsToUint (v.zw)));
}

#define store(at, v) arena_wide[at] = wide_words (v)
#else
#define store(at, v) arena4[at] = v
#endif

#endif
