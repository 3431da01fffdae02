/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_AUGMENT_GLSL
#define FOV_AUGMENT_GLSL

/*
 * The picture of fov.AugmentColor and its FovAugmentLook (runtime/ops/augment.h); needs push
 * (fov_push_augment), BLOCKED and lib/fetch.glsl. What a look leaves out is skipped by loops that
 * end at once: where a processor plays the GPU, only loops save time.
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
    if (BLOCKED)
        return texelFetch (arena_texels, push.src + p).xyz;
    int plane = push.width * push.height, at = push.src + p;
    return vec3 (fetch_arena (at), fetch_arena (at + plane), fetch_arena (at + 2 * plane));
}

/* -1: none. */
int blur_radius (float sigma)
{
    return sigma > 0.0 ? int (ceil (3.0 * sigma)) : -1;
}

float blur_weight (int d, float sigma)
{
    return exp (-0.5 * float (d * d) / (sigma * sigma));
}

/* A pixel of the picture, blurred if it is; the rows are already. */
vec3 pixel_at (int x, int y, float sigma)
{
    int width = push.width, bottom = push.height - 1, rows = push.rows;
    int radius = blur_radius (sigma);
    vec3 sum = vec3 (0);
    float weights = 0.0;
    for (int d = -radius; d <= radius; d++) {
        float weight = blur_weight (d, sigma);
        sum += weight * texelFetch (arena_texels, rows + clamp (y + d, 0, bottom) * width + x).xyz;
        weights += weight;
    }
    return radius < 0 ? source_pixel (y * width + x) : sum / weights;
}

float luma (vec3 v)
{
    return clamp (0.299 * v.x + 0.587 * v.y + 0.114 * v.z, 0.0, 255.0);
}

#endif
