/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_PATCH_H
#define FOV_TRACKERS_PATCH_H

#include <fovea/image.h>

/* Memory that sampling works in; grows to the widest region it has met. */
typedef struct _FovPatcher FovPatcher;

FovPatcher *fov_patcher_new (void);
void fov_patcher_free (FovPatcher *patcher);

/*
 * Samples a rectangle of a picture of any pixel format into three planes R, G,
 * B of width x height floats in 0..1 (a grey picture three times the same).
 * centre_x, centre_y: of the rectangle in pixels; step_x, step_y: pixels of the
 * picture from one sample to the next. Bilinear, averaged over up to 4 x 4
 * places where the step is larger than a pixel; the picture's edge goes on
 * outside of it. Only what lies under the rectangle is read.
 */
void fov_patch_sample (FovPatcher *patcher, const FovImage *image, float centre_x, float centre_y,
                       float step_x, float step_y, int width, int height, float *rgb);

#endif
