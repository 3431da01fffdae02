/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_RECORD_H
#define FOVEA_TOOLS_TRAIN_RECORD_H

/* A run's checkpoint with its notes, its losses as CSV, and how far it has come. */
#include "train.h"

G_BEGIN_DECLS

typedef struct {
    const TrainOptions *o;
    char *checkpoint, *curve_path;
    char *model;      /* digest of what it began with; NULL: no model */
    GString *curve;   /* the CSV so far */
    int epoch, first; /* done; when this run began */
    gint64 started;   /* of this run, us */
} TrainRecord;

/** Files are named after options->output. */
TrainRecord *train_record_new (const TrainOptions *options);
void train_record_free (TrainRecord *record);

/** What a run that goes on must have again, besides its options. */
typedef struct {
    guint n;                 /* that learn */
    const GPtrArray *labels; /* char*, of the classes; may be NULL */
} TrainPictures;

/** The checkpoint; place: the loader's. */
gboolean train_record_save (TrainRecord *record, FovTrainer *trainer, const TrainPictures *pictures,
                            const char *place, GError **error);
gboolean train_record_write_curve (const TrainRecord *record, GError **error);
/** Goes on from the checkpoint, if it is of such a run, or from the one before where it is damaged;
 * the loader too. record->curve has the names of its columns. */
gboolean train_record_resume (TrainRecord *record, FovTrainer *trainer,
                              const TrainPictures *pictures, FovLoader *loader, GError **error);

void train_record_start (TrainRecord *record);
/** Seconds that the epochs that are left will take. */
double train_record_left (const TrainRecord *record);

G_END_DECLS

#endif
