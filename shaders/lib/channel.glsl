/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_CHANNEL_GLSL
#define FOV_CHANNEL_GLSL

/*
 * What batch_norm and batch_norm_grad share: a workgroup has a block of 4 channels, or where the
 * tensor is planar one channel, of all pictures. Needs push (images, pixels, channels), BLOCKED,
 * CONSTANT (bit i: vector i is a constant).
 */
int channel_block ()
{
    return flat_group ();
}

int channel_blocks ()
{
    return BLOCKED ? (push.channels + 3) / 4 : push.channels;
}

/* Pixel 0 of picture n. */
int channel_at (int base, int n, int block)
{
    return base + (n * channel_blocks () + block) * push.pixels;
}

vec4 channel_load (int at)
{
    return BLOCKED ? texelFetch (arena_texels, at) : vec4 (fetch_arena (at));
}

void channel_store (int at, vec4 v)
{
    if (BLOCKED)
        arena4[at] = v;
    else
        arena[at] = v.x;
}

/* The block's values of a vector of one per channel; 0 of channels that are not there. */
vec4 channel_vector (int i, int at, int block)
{
    vec4 v = vec4 (0);
    int c = BLOCKED ? block * 4 : block, n = BLOCKED ? 4 : 1;
    for (int k = 0; k < n; k++) {
        int from = at + min (c + k, push.channels - 1);
        float x = fetch_masked (CONSTANT, i, from);
        v[k] = c + k < push.channels ? x : 0.0;
    }
    return v;
}

void channel_give (int at, int block, vec4 v)
{
    int c = BLOCKED ? block * 4 : block, n = BLOCKED ? 4 : 1;
    for (int k = 0; k < n; k++)
        if (c + k < push.channels)
            arena[at + c + k] = v[k];
}

#endif
