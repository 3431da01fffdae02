/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_H
#define FOVEA_TOOLS_TRAIN_H

/* What fovea train's parts share. */
#include <fovea/loader.h>
#include <fovea/train.h>

G_BEGIN_DECLS

typedef struct {
    char *model, *recipe, *output, *device, *optimiser, *freeze, *unfold;
    int epochs, batch, size, seed, validation; /* epochs, batch, size 0: the default */
    double learning_rate;
    gboolean resume, quiet, recalibrate, frozen_norms;
    /* detectors */
    char *annotations, *images, *valid_annotations, *valid_images, *decoder, *head, *anchors,
        *augment;
    int max_images;
    double balance; /* power of fov_data_repeat_factors */
    char *preview;
    /* other tasks than one class a picture */
    char *task;
    int classes, width, vector;
    /* how it learns */
    char *class_weights, *focal;
    double label_smoothing, dropout;
    gboolean smote;
    /* char* -> char*: what was said of all that decides the result, by the option's name */
    GHashTable *settings;
} TrainOptions;

typedef struct _TrainSource TrainSource;

/* ---- which options go together (train-check.c) ----------------------------- */

/** What pictures are to become. */
typedef enum {
    TRAIN_CLASSES = 1,
    TRAIN_TAGS = 2,
    TRAIN_MASKS = 4,
    TRAIN_TEXTS = 8,
    TRAIN_VECTORS = 16,
    TRAIN_BOXES = 32,
} TrainGoal;

/** FALSE: an option was given that a run with this goal has no use for; a CLI_ERROR names it. */
gboolean train_check_options (const TrainOptions *options, TrainGoal goal, GError **error);

/* ---- where it begins (train-start.c) ---------------------------------------- */

/** Whether what a run writes replaces regular files only. */
gboolean train_check_files (const TrainOptions *options, GError **error);
/** Removes what a run with this FILE, and perhaps labels elsewhere, left when it was killed. */
void train_tidy (const TrainOptions *options, const char *labels);
/** Where FILE is the --model too, and will be replaced: keeps a copy for --resume. */
gboolean train_keep_model (const TrainOptions *options, GError **error);
/** With --resume options->model becomes that copy. */
gboolean train_find_model (TrainOptions *options, GError **error);
/** What a run makes itself becomes a file beside FILE, for what is learned to go back into; the
 * model as loaded from there. */
FovModel *train_start (const TrainOptions *options, FovModel *fresh, GError **error);
void train_start_clear (const TrainOptions *options);
/** An error about that file becomes one about what was given: a model, or a recipe (the one that
 * the run takes if nothing is said). */
void train_start_explain (const TrainOptions *options, const char *recipe, GError **error);
/** *model for batches of that shape, where its file fixes another batch. */
gboolean train_rebatch (FovModel **model, const FovShape *shape, GError **error);
/** The learning rate, which a run that goes on must have again (train-record.c). */
void train_note_rate (const TrainOptions *options, double rate);
/** Whether FILE can be written, before an epoch is spent. */
gboolean train_try_output (const TrainOptions *options, FovTrainer *trainer, GError **error);

/* ---- what the loss is (train-loss.c) ---------------------------------------- */

/**
 * --class-weights, --focal and --label-smoothing, into params, whose loss is set already. counts:
 * how often each of the names is there, in total pictures (or pixels). *weights is what params
 * points to: g_free it once there is a trainer.
 */
gboolean train_set_loss (const TrainOptions *options, const GPtrArray *names, const double *counts,
                         double total, FovTrainerParams *params, float **weights, GError **error);

/** Sets params' freeze_to or freeze_backbone from --freeze's word. */
gboolean train_parse_freeze (const char *freeze, FovTrainerParams *params, GError **error);

/* ---- a picture by itself (train-source.c) ---------------------------------- */

/** The largest part in the middle of that shape, so that nothing is squeezed: [3, height, width].
 */
gboolean train_picture_tensor (const FovImage *image, int width, int height, float *tensor,
                               GError **error);

/* ---- norms before the run (train-norms.c) -------------------------------- */

/**
 * What --unfold and --recalibrate ask for: the model with norms that were folded away put back, and
 * with statistics of the pictures that learn. A new reference.
 */
FovModel *train_norms (FovModel *model, FovDevice *device, const TrainOptions *options,
                       TrainSource *source, GError **error);

/** The same for a detector; paths (char*): the pictures that learn. */
FovModel *train_detector_norms (FovModel *model, FovDevice *device, const TrainOptions *options,
                                const GPtrArray *paths, GError **error);

/* ---- a look at batches (train-preview.c) ----------------------------------- */

/** DATA with boxes: path, or with --annotations the folder of their pictures. */
FovData *train_open_boxes (const TrainOptions *options, const char *path, GError **error);
/** --augment's words; NULL: light. Names the option in its error. */
gboolean train_parse_augment (const char *text, FovAugment *augment, GError **error);
/** Rows that hold a picture's objects however pictures are put together; told: whether it is said
 * that some have more than can be. */
guint train_object_rows (const FovData *data, const FovAugment *augment, gboolean told);
/** A FovLoadPicture. */
gboolean train_load_picture (const FovSample *sample, FovImage *image, gpointer data,
                             GError **error);

/* ---- the run (train-run.c) ------------------------------------------------ */

gboolean train_run (const TrainOptions *options, const char *folder, GError **error);

/* ---- a detector's (train-detect.c) ------------------------------------------ */

/** data: a folder of pictures, or a COCO file of annotations. */
gboolean train_detect_run (const TrainOptions *options, const char *data, GError **error);

G_END_DECLS

#endif
