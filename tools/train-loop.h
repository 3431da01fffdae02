/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_LOOP_H
#define FOVEA_TOOLS_TRAIN_LOOP_H

/*
 * The epochs of a run, whatever it teaches: steps, the model's file, a look at pictures kept apart,
 * a line of the curve, the checkpoint. A kind of run gives batches and measures.
 */
#include "train.h"

G_BEGIN_DECLS

enum { TRAIN_MOST_FIGURES = 2 };

/** What a run measures on pictures kept apart. */
typedef struct {
    const char *column; /* of the curve */
    const char *name;   /* for people */
    gboolean share;     /* 0..1 in the curve, -1 where there is none; else percent, nan */
} TrainFigure;

/** A kind of run; run is its own. */
typedef struct {
    /** What is to be made of a batch's pictures; valid as long as the batch. */
    FovView (*target) (gpointer run, const FovBatch *batch);
    /** The plan's figures, NAN where no pictures are kept apart. The model is written already. */
    gboolean (*measure) (gpointer run, double *figures, GError **error);
    /** After the last epoch; the model is written once more behind it. NULL: nothing. */
    gboolean (*finish) (gpointer run, GError **error);
} TrainKind;

typedef struct {
    const TrainOptions *o;
    const TrainKind *kind;
    gpointer run;
    FovTrainer *trainer;
    FovLoader *loader;   /* of the batches that teach */
    guint steps;         /* of an epoch */
    guint batches;       /* of a step */
    const FovData *data; /* that learns: a run that goes on must have as many pictures */
    TrainFigure figures[TRAIN_MOST_FIGURES];
    guint n_figures;
    const GPtrArray *labels; /* char*, of the classes, for: */
    const char *labels_path; /* NULL: FILE.labels */
} TrainPlan;

/** All epochs that are left. TRUE and interrupted (): the last whole epoch is kept. */
gboolean train_loop (const TrainPlan *plan, GError **error);

G_END_DECLS

#endif
