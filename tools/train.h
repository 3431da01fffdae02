/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_H
#define FOVEA_TOOLS_TRAIN_H

/* What fovea train's parts share. */
#include <fovea/train.h>

G_BEGIN_DECLS

typedef struct {
    char *model, *recipe, *output, *device, *optimiser, *freeze_to;
    int epochs, batch, size, seed, validation;
    double learning_rate;
    gboolean resume, quiet;
} TrainOptions;

/* ---- pictures in folders (train-data.c) ---------------------------------- */

typedef struct {
    float *pixels; /* [3, side, side] as fov_picture_to_tensor makes them */
    gint64 label;
} TrainPicture;

/** A folder for each class, with its pictures. */
typedef struct {
    GPtrArray *classes;    /* char*, sorted: the labels */
    GArray *train, *valid; /* TrainPicture */
    int side;              /* of the kept pictures, larger than the network's: room to crop */
} TrainData;

/** Reads all pictures; every n-th of a class, as validation percent asks, is kept apart. */
TrainData *train_data_read (const char *folder, int size, int validation, gboolean quiet,
                            GError **error);
void train_data_free (TrainData *data);

/** A part of size x size: from x, y on, mirrored or not. */
void train_picture_cut (const TrainData *data, const TrainPicture *picture, int size, int x, int y,
                        gboolean mirror, float *out);

/* ---- the run (train-run.c) ------------------------------------------------ */

gboolean train_run (const TrainOptions *options, const char *folder, GError **error);

G_END_DECLS

#endif
