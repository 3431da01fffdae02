/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_FEATURES_H
#define FOV_TRACKERS_FEATURES_H

#include <glib.h>

/* Pixels of a patch per cell, in both directions. */
#define FOV_CELL 4
/* Channels: 31 of gradients, 11 of colours, brightness. */
#define FOV_HOG_CHANNELS 31
#define FOV_COLOR_CHANNELS 11
#define FOV_FEATURE_CHANNELS (FOV_HOG_CHANNELS + FOV_COLOR_CHANNELS + 1)

/* Memory for the features of patches of one size. */
typedef struct _FovFeatures FovFeatures;

/* cells_x, cells_y: the patch's size in cells. */
FovFeatures *fov_features_new (int cells_x, int cells_y);
void fov_features_free (FovFeatures *features);

/*
 * Histograms of oriented gradients of an RGB patch (three planes of
 * cells_x * FOV_CELL by cells_y * FOV_CELL floats, 0..1): 31 planes of cells_x
 * by cells_y floats, 18 signed directions, 9 unsigned ones, 4 of texture
 * (Felzenszwalb et al., "Object detection with discriminatively trained
 * part-based models", 2010, section 6).
 */
void fov_features_hog (FovFeatures *features, const float *rgb, float *out);

/*
 * How far each cell's mean colour is one of eleven basic ones (black, blue,
 * brown, grey, green, orange, pink, purple, red, white, yellow), less an even
 * share, and its brightness less a half: 12 planes. The colours are those of
 * Berlin and Kay, after the idea of van de Weijer et al., "Learning color names
 * for real-world applications" (2009); their share is a soft one by distance in
 * CIELAB, not a learned table.
 */
void fov_features_color (FovFeatures *features, const float *rgb, float *out);

#endif
