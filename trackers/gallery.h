/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_GALLERY_H
#define FOV_TRACKERS_GALLERY_H

#include <glib.h>

/** Looks of one track kept beside the running mean. */
#define FOV_GALLERY_SAMPLES 4

/**
 * How one track has looked: vectors of length 1 in one block of memory that the
 * user gives, FOV_GALLERY_SIZE (dim) floats: the mean and a few samples that
 * differ from each other.
 */
typedef struct {
    guint n;      /**< samples held */
    guint seen;   /**< looks taken in */
    float *block; /**< mean, samples */
} FovGallery;

#define FOV_GALLERY_SIZE(dim) ((dim) * (1 + FOV_GALLERY_SAMPLES))

/** Takes in a look that is surely the track's. */
void fov_gallery_learn (FovGallery *gallery, const float *look, guint dim);
/** 1 - the largest product with the mean or a sample, 0..2; 1 for an empty gallery. */
double fov_gallery_distance (const FovGallery *gallery, const float *look, guint dim);

#endif
