/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_NORMS_H
#define FOV_TRAIN_NORMS_H

/*
 * Batch norms from the inside: statistics.c measures, unfold.c puts norms behind
 * convolutions, recalibrate.c gives them new statistics, fold-back.c writes.
 */
#include <fovea/norms.h>

#include "graph/graph.h"

/** Mean and sum of squared distances from it, per channel, over n values each. */
typedef struct {
    guint channels;
    double n;
    gint64 pixels; /* of a channel in one picture */
    double *mean, *m2;
} FovMoments;

void fov_moments_clear (FovMoments *moments);

/** How much of all the forward passes is done. */
typedef struct {
    const char *what;
    guint done, total;
} FovMeasureProgress;

/**
 * Runs all frames through graph as far as the tensors of these names need it,
 * and takes their moments: moments[i] of names[i], cleared by the caller on
 * success. A value that is no number is FOV_ERROR_FAILED and names the tensor.
 */
gboolean fov_measure (const FovGraph *graph, FovDevice *device, const FovNormFrames *frames,
                      const GPtrArray *names, FovMoments *moments, FovMeasureProgress *progress,
                      GError **error);

gboolean fov_norm_frames_check (const FovNormFrames *frames, GError **error);

/** A batch norm that un-folding made. */
gboolean fov_norm_is_unfolded (const FovNode *node);
/** A batch norm with constant statistics of its own. */
gboolean fov_norm_has_statistics (const FovNode *node);

/**
 * Writes the ONNX file source to path with the constants of these names (char*) as graph has them.
 * Norms that un-folding made are folded into graph's convolutions first; their own constants are
 * in no file, and may be among the names. graph changes.
 */
gboolean fov_fold_and_write (FovGraph *graph, const GPtrArray *names, const char *source,
                             const char *path, GError **error);

#endif
