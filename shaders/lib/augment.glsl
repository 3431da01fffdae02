/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_AUGMENT_GLSL
#define FOV_AUGMENT_GLSL

/*
 * The picture of fov.AugmentColor and its FovAugmentLook (runtime/ops/augment.h); needs push
 * (fov_push_augment), BLOCKED and lib/fetch.glsl. Stages that a look may leave out are kernels of
 * their own, whose lanes make several pixels in a loop that then ends at once: where a processor
 * plays the GPU, nothing else saves time, and a loop's first round is always run.
 */
#define LOOK_MATRIX 0
#define LOOK_GAMMA 12
#define LOOK_LIGHT 13
#define LOOK_BLUR 16
#define LOOK_TILES 17
#define LOOK_CLIP 18
#define LOOK_NOISE 19
#define LOOK_SALT 20
#define LOOK_KEY 21

const int MOST_TILES = 8; /* a side */
const int HISTOGRAMS = MOST_TILES * MOST_TILES, BINS = 256;

int look_int (int word)
{
    return arena_int[push.look + word];
}

float look_float (int word)
{
    return intBitsToFloat (look_int (word));
}

int look_tiles ()
{
    return clamp (look_int (LOOK_TILES), 0, MOST_TILES);
}

/* Below this the neighbours' weights are 0. */
float look_blur ()
{
    float sigma = min (look_float (LOOK_BLUR), 5.0);
    return sigma < 0.05 ? 0.0 : sigma;
}

vec3 source_pixel (int p)
{
    int plane = push.width * push.height, at = push.src + p;
    return vec3 (fetch_arena (at), fetch_arena (at + plane), fetch_arena (at + 2 * plane));
}

/* A pixel as it came or, where it has been changed, as the stages before left it. */
vec3 pixel_at (int p, bool changed)
{
    if (BLOCKED)
        return texelFetch (arena_texels, (changed ? push.changed : push.src) + p).xyz;
    return changed ? texelFetch (arena_texels, push.changed + p).xyz : source_pixel (p);
}

float luma (vec3 v)
{
    return clamp (0.299 * v.x + 0.587 * v.y + 0.114 * v.z, 0.0, 255.0);
}

#endif
