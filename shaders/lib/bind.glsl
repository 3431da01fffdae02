/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_BIND_GLSL
#define FOV_BIND_GLSL

/*
 * The one descriptor set that every kernel sees (runtime/gpu/gpu.h). The arena
 * and the constants can be looked at as floats, vec4 or texels; a shader writes
 * the arena through one of them only.
 *
 * FOV_COHERENT, of the shader: "coherent" where lanes read what other lanes of the workgroup wrote.
 *
 * FOV_FAR: the arena is larger than a storage buffer can be on the device; it is written by its
 * address, which lies behind the push constants (FOV_FAR_ADDRESS, in every shader's block).
 */
#ifndef FOV_COHERENT
#define FOV_COHERENT
#endif
#ifdef FOV_FAR
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require
layout (buffer_reference, std430, buffer_reference_align = 16) buffer FarVec4 { vec4 v[]; };
layout (buffer_reference, std430, buffer_reference_align = 4) buffer FarFloat { float v[]; };
layout (buffer_reference, std430, buffer_reference_align = 4) FOV_COHERENT buffer FarInt {
    int v[];
};
#define FOV_FAR_ADDRESS layout (offset = 120) uvec2 arena_address;
#define arena4 FarVec4 (arena_address).v
#define arena FarFloat (arena_address).v
#define arena_int FarInt (arena_address).v
#else
#define FOV_FAR_ADDRESS
layout (set = 0, binding = 0, std430) buffer ArenaVec4 { vec4 arena4[]; };
layout (set = 0, binding = 0, std430) buffer ArenaFloat { float arena[]; };
layout (set = 0, binding = 0, std430) FOV_COHERENT buffer ArenaInt { int arena_int[]; };
#endif
layout (set = 0, binding = 1) uniform samplerBuffer arena_texels;
layout (set = 0, binding = 2, std430) readonly buffer ConstVec4 { vec4 const4[]; };
layout (set = 0, binding = 2, std430) readonly buffer ConstFloat { float const1[]; };
layout (set = 0, binding = 2, std430) readonly buffer ConstInt { int const_int[]; };
layout (set = 0, binding = 3) uniform samplerBuffer const_texels;
layout (set = 0, binding = 4, std430) readonly buffer Inputs { uint inputs[]; };
layout (set = 0, binding = 5, std430) buffer Outputs { uint outputs[]; };

#endif
