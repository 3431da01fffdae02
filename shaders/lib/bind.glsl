/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_BIND_GLSL
#define FOV_BIND_GLSL

/*
 * The one descriptor set that every kernel sees (runtime/gpu/gpu.h). The arena
 * and the constants can be looked at as floats, vec4 or texels; a shader writes
 * the arena through one of them only.
 */
layout (set = 0, binding = 0, std430) buffer ArenaVec4 { vec4 arena4[]; };
layout (set = 0, binding = 0, std430) buffer ArenaFloat { float arena[]; };
layout (set = 0, binding = 0, std430) buffer ArenaInt { int arena_int[]; };
layout (set = 0, binding = 1) uniform samplerBuffer arena_texels;
layout (set = 0, binding = 2, std430) readonly buffer ConstVec4 { vec4 const4[]; };
layout (set = 0, binding = 2, std430) readonly buffer ConstFloat { float const1[]; };
layout (set = 0, binding = 2, std430) readonly buffer ConstInt { int const_int[]; };
layout (set = 0, binding = 3) uniform samplerBuffer const_texels;
layout (set = 0, binding = 4, std430) readonly buffer Inputs { uint inputs[]; };
layout (set = 0, binding = 5, std430) buffer Outputs { uint outputs[]; };

#endif
