/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_HEADS_H
#define FOV_TRAIN_HEADS_H

/* A detector's heads as losses want them: one row for each anchor, whatever the family. */
#include "detect/net.h"
#include "graph/backward.h"

typedef struct {
    const FovHeads *heads;
    gint64 n, anchors;
    int columns;          /* of scores: classes, and the background */
    FovTensor *score;     /* [n, anchors, columns] logits */
    FovTensor *object;    /* [n, anchors, 1] logits, or NULL */
    FovTensor *raw;       /* [n, anchors, 4 or 4 bins] as the network gives boxes */
    FovTensor *boxes;     /* [n, anchors, 4] x1, y1, x2, y2 in network pixels */
    FovTensor *distances; /* [n, anchors, 4] in cells, of FOV_BOX_DISTANCE with several bins */
    FovTensor *places;    /* [anchors, 4] constant: centre and size in pixels, of cell or prior */
} FovTrainHeads;

/** Of match, cut; matched against g's graph with n pictures. On failure g has the error. */
void fov_train_heads (FovTrainHeads *h, FovGrad *g, const FovMatch *match, gint64 n);

/** Columns [from, to) of the last of three dimensions; a constant of numbers. */
FovTensor *fov_train_columns (FovGrad *g, FovTensor *x, gint64 from, gint64 to);
FovTensor *fov_train_constant (FovGrad *g, const char *name, const FovShape *shape, float *values);
/** a and b side by side along the last of three dimensions. */
FovTensor *fov_train_beside (FovGrad *g, FovTensor *a, FovTensor *b);
/** Columns in the order x, y, x, y where the network gives y first. */
FovTensor *fov_train_turn (FovGrad *g, FovTensor *x);

#endif
