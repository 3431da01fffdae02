/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/palette.h"
#include "trackers/features-color.h"

#include <math.h>
#include <string.h>

/* Samples of a box, and the inner part of it that they cover: the rim is background. */
#define ACROSS 6
#define DOWN 12
#define INNER 0.8f

void
fov_palette_take (FovPalette *palette, FovPatcher *patcher, const FovImage *image, FovBox box)
{
    float rgb[3 * ACROSS * DOWN], w = box.x2 - box.x1, h = box.y2 - box.y1;
    fov_patch_sample (patcher, image, box.x1 + 0.5f * w, box.y1 + 0.5f * h, INNER * w / ACROSS,
                      INNER * h / DOWN, ACROSS, DOWN, rgb);
    memset (palette, 0, sizeof *palette);
    for (int y = 0; y < DOWN; y++)
        for (int x = 0; x < ACROSS; x++) {
            const float *at = rgb + y * ACROSS + x;
            const float color[3] = { at[0], at[ACROSS * DOWN], at[2 * ACROSS * DOWN] };
            const guint8 *names = fov_color_names (color);
            for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
                palette->share[y * FOV_PALETTE_STRIPES / DOWN][k] += (float) names[k];
        }
    for (int s = 0; s < FOV_PALETTE_STRIPES; s++) {
        float sum = 0.0f;
        for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
            sum += palette->share[s][k];
        for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
            palette->share[s][k] /= sum;
    }
}

void
fov_palette_blend (FovPalette *palette, const FovPalette *other, float rate)
{
    for (int s = 0; s < FOV_PALETTE_STRIPES; s++)
        for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
            palette->share[s][k] += rate * (other->share[s][k] - palette->share[s][k]);
}

float
fov_palette_likeness (const FovPalette *a, const FovPalette *b)
{
    float sum = 0.0f;
    for (int s = 0; s < FOV_PALETTE_STRIPES; s++)
        for (int k = 0; k < FOV_COLOR_CHANNELS; k++)
            sum += sqrtf (a->share[s][k] * b->share[s][k]);
    return sum / FOV_PALETTE_STRIPES;
}
