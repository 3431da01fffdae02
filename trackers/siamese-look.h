/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_SIAMESE_LOOK_H
#define FOV_TRACKERS_SIAMESE_LOOK_H

/*
 * What a box of a picture looks like: the backbone's features of it and its
 * colours. The head's score says where something like the target is; whether it
 * is the target, comparing looks says far better (docs/tracking-siamese.md).
 */
#include <fovea/box.h>
#include <fovea/image.h>

#include "trackers/siamese-net.h"

#define FOV_SIAMESE_COLOURS 384 /* 3 stripes of 8 hues, 4 saturations, 4 values */

typedef struct {
    float *features; /* shape.template_floats */
    float colours[FOV_SIAMESE_COLOURS];
} FovSiameseLook;

void fov_siamese_look_init (FovSiameseLook *look, const FovSiameseShape *shape);
void fov_siamese_look_clear (FovSiameseLook *look);
/** look += rate * (other - look). */
void fov_siamese_look_blend (FovSiameseLook *look, const FovSiameseLook *other,
                             const FovSiameseShape *shape, float rate);

/** Colours of the ellipse inside a box of width x height in the middle of a B, G, R crop. */
void fov_siamese_colours (const float *crop, int size, float width, float height,
                          float colours[FOV_SIAMESE_COLOURS]);

/** Cosine of the features round the middle, -1..1: what surrounds the target matters less. */
float fov_siamese_features_alike (const FovSiameseShape *shape, const float *a, const float *b);
/** Bhattacharyya coefficient, 0..1. */
float fov_siamese_colours_alike (const float *a, const float *b);

#endif
