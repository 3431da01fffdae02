/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_MAPS_H
#define FOV_TRAIN_MAPS_H

/*
 * Masks follow their pictures: fov.AugmentShape, nearest, of the pictures' maps (paint.h)
 * with the layers that the pictures have, and once more of the layers' own numbers.
 */
#include "train/load/scene.h"

typedef struct _FovMaps FovMaps;

FovMaps *fov_maps_new (const FovLoaderParams *params, GError **error);
void fov_maps_free (FovMaps *maps);

/** Picture n of the batch. */
void fov_maps_set (FovMaps *maps, guint n, const FovSceneResult *scene,
                   const FovScenePicture *pictures);
/** Runs; the pictures' maps stay valid until it returns. */
gboolean fov_maps_run (FovMaps *maps, GError **error);

/** What is at pixel i of picture n. */
typedef struct {
    int label;    /* -1: nobody knows */
    int layer;    /* -1: none whose objects are known */
    guint object; /* of the layer's picture, + 1; 0: none */
} FovMapPixel;

FovMapPixel fov_maps_at (const FovMaps *maps, guint n, gsize i);

#endif
