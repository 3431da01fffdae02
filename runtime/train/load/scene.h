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
    const FovData *data; /* what its objects' points are; NULL: they have none */
} FovSceneFrame;

/** A decoded picture. */
typedef struct {
    const FovSample *sample;
    const FovImage *image;
    const FovImage *map; /* of its masks (paint.h), or NULL */
} FovScenePicture;

/** A row of a batch's objects, and where it comes from. */
typedef struct {
    float x1, y1, x2, y2, label, weight;
    int layer;    /* -1: none */
    guint object; /* of the layer's sample */
    guint points; /* its place in the list of points, in objects */
} FovTarget;

typedef struct {
    FovAugmentLayer layers[FOV_AUGMENT_LAYERS]; /* without offsets */
    int picture[FOV_AUGMENT_LAYERS];            /* whose layer it is, -1: a fill or none */
    FovAugmentLook look;
    GArray *targets; /* FovTarget, made by the caller and reused, as points */
    GArray *points;  /* FovDataPoint: those of each target, pixels of the output; NULL: none */
    float share[FOV_SCENE_PICTURES]; /* of what is seen, about: 1 in all, patches not counted */
    int mixed;                       /* the layer that shines through, -1: none */
} FovSceneResult;

void fov_scene_place (const FovScene *scene, const FovSceneFrame *frame,
                      const FovScenePicture *pictures, FovSceneResult *result);

/** Colours, light, noise. */
FovAugmentLook fov_scene_look (const FovAugment *augment, guint64 seed, guint64 place);

#endif
