/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_STRIPES_H
#define FOV_TRACKERS_STRIPES_H

#include <fovea/box.h>
#include <fovea/image.h>

#include "trackers/backdrop.h"
#include "trackers/patch.h"

/** Horizontal stripes of a box, and bins of each: hues, then greys. */
#define FOV_STRIPES 8
#define FOV_STRIPE_HUES 10
#define FOV_STRIPE_GREYS 6
#define FOV_STRIPE_BINS (FOV_STRIPE_HUES + FOV_STRIPE_GREYS)
#define FOV_STRIPES_N (FOV_STRIPES * FOV_STRIPE_BINS)

/**
 * What an object looks like: a histogram of hues and greys for each of a few
 * horizontal stripes, its entries' square roots, of length 1 in all. The product
 * of two is their Bhattacharyya coefficient, 0..1.
 */
void fov_stripes_describe (FovPatcher *patcher, const FovImage *image, FovBox box,
                           const FovBackdrop *backdrop, float out[FOV_STRIPES_N]);

#endif
