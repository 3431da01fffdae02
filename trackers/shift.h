/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SHIFT_H
#define FOV_TRACKERS_SHIFT_H

#include <fovea/image.h>

/*
 * How far the whole scene moves from one picture to the next: a camera's pan
 * or shake, as a translation, by phase correlation of the small grey pictures
 * (Kuglin and Hines, "The phase correlation image alignment method", 1975).
 */
typedef struct _FovShift FovShift;

FovShift *fov_shift_new (GError **error);
void fov_shift_free (FovShift *shift);
/* Forgets the last picture. */
void fov_shift_reset (FovShift *shift);

/*
 * Pixels that the scene moved since the last picture, right and down. 0, 0
 * after new or reset, and where the pictures have too little in common.
 */
void fov_shift_update (FovShift *shift, const FovImage *image, float *x, float *y);

#endif
