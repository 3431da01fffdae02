/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_TASK_H
#define FOVEA_TOOLS_TRAIN_TASK_H

/*
 * Training for other ends than one class per picture: masks, texts, tags, vectors. A kind of task
 * says how its data are read and how well a network does; train-task.c runs the epochs.
 */
#include "train-source.h"

G_BEGIN_DECLS

typedef struct _Task Task;

/** What the network is to make of a picture. */
typedef struct {
    const gint64 *labels; /* task->n_labels, or NULL */
    const float *values;  /* task->n_labels, or NULL */
} TaskExample;

typedef struct {
    const char *name; /* what --task says */
    TrainGoal goal;
    const char *recipe; /* by default */
    const char *data;   /* what it learns from, for messages */
    const char *metric; /* what result gives, in percent */
    FovLoss loss;
    SourceFit fit;       /* of pictures into the network's input */
    gboolean one_sided;  /* a mirror makes another thing of it */
    gboolean alone;      /* pictures can not be put together */
    gboolean by_pixel;   /* labels are masks */
    guint group;         /* so many of a name come together in a batch, so that some belong so */
    int size;            /* of pictures by default, pixels; 0: 64 */
    const char *augment; /* by default; NULL: light */
    double rate;         /* of learning, AdamW */
    /** Sets width, height and what depends on them; the pictures. */
    FovData *(*read) (Task *task, const char *path, GError **error);
    /** Once some are kept apart; NULL: there is nothing to say. */
    gboolean (*check) (Task *task, const char *path, GError **error);
    guint (*n_outputs) (const Task *task);
    /** One picture's outputs go into task->sums; result makes a number of all, 0..1. */
    void (*note) (Task *task, const TaskExample *example, const float *outputs, gsize n);
    double (*result) (Task *task);
} TaskKind;

struct _Task {
    const TrainOptions *o;
    const TaskKind *kind;
    GPtrArray *classes; /* char*: classes, characters or names */
    TrainSource source;
    int width, height;
    guint n_labels; /* of an example */
    GArray *texts;  /* gint64 [texts, n_labels]: of the sample with that id */
    GArray *sums;   /* double, the kind's own */
};

extern const TaskKind task_masks, task_texts, task_tags, task_vectors;

/* ---- for readers --------------------------------------------------------- */

/** The number of a name among task->classes, where it is added if it is new. */
guint task_class (Task *task, const char *name);
/** A text file; its lines end with \n, however they do there. */
char *task_text (const char *path, GError **error);
/** Those lines. */
char **task_lines (const char *path, GError **error);
/** An example's outputs, kept as they are behind its labels or values, for result. */
void task_keep (Task *task, const TaskExample *example, const float *outputs, gsize n);

/** The data's classes become the task's. */
void task_take_classes (Task *task, const FovData *data);

/** For a run with these options, or a look at its pictures; task_clear it in any case. */
gboolean task_open (Task *task, const TrainOptions *options, const TaskKind *kind, const char *data,
                    GError **error);
void task_clear (Task *task);

/** Which kind a run is of; NULL: a classifier's. */
const TaskKind *task_kind (const TrainOptions *options, const char *data);
/** Writes options->preview: a batch of what is at path; kind NULL: classes or boxes. */
gboolean train_preview (const TrainOptions *options, const TaskKind *kind, const char *path,
                        GError **error);
gboolean train_task_run (const TrainOptions *options, const TaskKind *kind, const char *data,
                         GError **error);

G_END_DECLS

#endif
