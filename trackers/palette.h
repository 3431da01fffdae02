/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_PALETTE_H
#define FOV_TRACKERS_PALETTE_H

#include "trackers/features.h"
#include "trackers/patch.h"

#include <fovea/box.h>

/* Stripes of a box, from top to bottom, whose colours are told apart. */
#define FOV_PALETTE_STRIPES 3

/* What share each basic colour has in each stripe of a box; every stripe's sum is 1. */
typedef struct {
    float share[FOV_PALETTE_STRIPES][FOV_COLOR_CHANNELS];
} FovPalette;

/* fov_color_names_init () must have been called. */
void fov_palette_take (FovPalette *palette, FovPatcher *patcher, const FovImage *image, FovBox box);
void fov_palette_blend (FovPalette *palette, const FovPalette *other, float rate);
/* Bhattacharyya's coefficient, mean over the stripes: 1 for equal ones, 0 for nothing in common. */
float fov_palette_likeness (const FovPalette *a, const FovPalette *b);

#endif
