/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_WEIGHTS_GLSL
#define FOV_WEIGHTS_GLSL

/*
 * Weights that all lanes share, eight vec4 at a time: lane l fetches the one at
 * l & 7, and each is then handed to all by a shuffle. Right for any subgroup of
 * 8 lanes or more; where shuffles are missing, every lane fetches every one.
 * Both must be called by all lanes. GIVEN, of the shader: 1: weights that are no constants, 2: so
 * is the bias; they lie in the arena then, packed.
 */
vec4 weight_texel (int at)
{
    return (GIVEN & 1) != 0 ? texelFetch (arena_texels, at) : texelFetch (const_texels, at);
}

vec4 bias_texel (int at)
{
    return (GIVEN & 2) != 0 ? texelFetch (arena_texels, at) : texelFetch (const_texels, at);
}

#ifdef FOV_NO_SHUFFLE
#define WEIGHT_LANE 0
#define FETCH_WEIGHTS(at) vec4 (0)
#define WEIGHT(fetched, at, j) weight_texel ((at) + (j))
#else
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#define WEIGHT_LANE int (gl_SubgroupInvocationID & 7u)
#define FETCH_WEIGHTS(at) weight_texel ((at) + weight_lane)
#define WEIGHT(fetched, at, j) subgroupShuffle (fetched, uint (j))
#endif

#endif
