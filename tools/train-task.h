/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRAIN_TASK_H
#define FOVEA_TOOLS_TRAIN_TASK_H

/*
 * Training for other ends than one class per picture: masks, texts, tags, vectors. A kind of task
 * says how its data are read and how well a network does; train-task.c runs the epochs.
 */
#include "train.h"

G_BEGIN_DECLS

typedef struct _Task Task;

/** A picture with what the network is to make of it. */
typedef struct {
    float *pixels;  /* [3, height, width] as fov_picture_to_tensor makes them */
    gint64 *labels; /* task->n_labels, or NULL */
    float *values;  /* task->n_labels, or NULL */
} TaskExample;

typedef struct {
    const char *name; /* what --task says */
    TrainGoal goal;
    const char *recipe; /* by default */
    const char *data;   /* what it learns from, for messages */
    const char *metric; /* what result gives, in percent */
    FovLoss loss;
    gboolean mirror;    /* pictures may be turned left to right */
    gboolean by_pixel;  /* and labels with them */
    gboolean in_groups; /* a batch has four of each name, so that some belong together */
    int size;           /* of pictures by default, pixels; 0: 64 */
    double rate;        /* of learning, AdamW */
    /** Sets width, height and what depends on them; calls task_add for each picture. */
    gboolean (*read) (Task *task, const char *path, GError **error);
    guint (*n_outputs) (const Task *task);
    /** One picture's outputs go into task->sums; result makes a number of all, 0..1. */
    void (*note) (Task *task, const TaskExample *example, const float *outputs, gsize n);
    double (*result) (Task *task);
} TaskKind;

struct _Task {
    const TrainOptions *o;
    const TaskKind *kind;
    GPtrArray *classes;    /* char*: classes, characters or names */
    GArray *train, *valid; /* TaskExample */
    int width, height;
    guint n_labels; /* of an example */
    GArray *sums;   /* double, the kind's own */
    guint n_read;
};

extern const TaskKind task_masks, task_texts, task_tags, task_vectors;

/* ---- for readers --------------------------------------------------------- */

/** The whole picture, squeezed to the task's size; NULL: error set, which names the file. */
float *task_picture (const Task *task, const char *path, GError **error);
/** Takes both over. Evenly spread, the first never, examples are kept apart for validation. */
void task_add (Task *task, float *pixels, gint64 *labels, float *values);
/** The number of a name among task->classes, where it is added if it is new. */
guint task_class (Task *task, const char *name);
/** Lines of a text file. */
char **task_lines (const char *path, GError **error);
/** An example's outputs, kept as they are behind its labels or values, for result. */
void task_keep (Task *task, const TaskExample *example, const float *outputs, gsize n);

/** Which kind a run is of; NULL: a classifier's. */
const TaskKind *task_kind (const TrainOptions *options, const char *data);
gboolean train_task_run (const TrainOptions *options, const TaskKind *kind, const char *data,
                         GError **error);

G_END_DECLS

#endif
