/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_SCENE_H
#define FOV_TRAIN_SCENE_H

/*
 * One picture of a batch: which samples make it up, and how. First what is drawn
 * without knowing the pictures (scene_choose), then, once they are decoded, where
 * each lies, and where its objects come to lie (scene_place).
 */
#include <fovea/loader.h>

#include "ops/augment.h"
#include "train/load/warp.h"
#include "vision/random.h"

/* Four of a mosaic, one that shines through, one to paste from. */
#define FOV_SCENE_PICTURES 6

typedef struct {
    guint sample[FOV_SCENE_PICTURES]; /* index into the data; the first is the batch's own */
    guint n;
    gboolean mosaic;
    int mixed, pasted; /* index into sample, -1: none */
    guint64 place;     /* of the random streams */
} FovScene;

/** One of order's samples, and others drawn from it. */
FovScene fov_scene_choose (const FovAugment *augment, guint64 seed, guint64 place,
                           const guint *order, guint n_order, guint at);

/** What does not change from picture to picture. */
typedef struct {
    const FovAugment *augment;
    int width, height; /* of the output */
    FovFit fit;
    guint64 seed;
} FovSceneFrame;

/** A decoded picture. */
typedef struct {
    const FovSample *sample;
    const FovImage *image;
} FovScenePicture;

/** x1, y1, x2, y2, label, weight. */
typedef struct {
    float x1, y1, x2, y2, label, weight;
} FovTarget;

typedef struct {
    FovAugmentLayer layers[FOV_AUGMENT_LAYERS]; /* without offsets */
    int picture[FOV_AUGMENT_LAYERS];            /* whose layer it is, -1: a fill or none */
    FovAugmentLook look;
    GArray *targets; /* FovTarget, made by the caller and reused */
} FovSceneResult;

void fov_scene_place (const FovScene *scene, const FovSceneFrame *frame,
                      const FovScenePicture *pictures, FovSceneResult *result);

/** Colours, light, noise. */
FovAugmentLook fov_scene_look (const FovAugment *augment, guint64 seed, guint64 place);

#endif
