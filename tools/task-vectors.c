/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Vectors that are near for pictures of one name: a folder for each name. */
#include "train-task.h"

#include <math.h>

static FovData *
vectors_read (Task *task, const char *folder, GError **error)
{
    FovData *data = fov_data_open (folder, &(FovDataParams){ .format = FOV_DATA_FOLDERS }, error);

    task->width = task->height = task->o->size;
    task->n_labels = 1;
    if (data)
        task_take_classes (task, data);
    return data;
}

static guint
vectors_outputs (const Task *task)
{
    return (guint) task->o->vector;
}

/* How often the nearest other vector has the same name. */
static double
vectors_result (Task *task)
{
    const gsize length = vectors_outputs (task) + 1, n = task->sums->len / length;
    const double *rows = (const double *) (gconstpointer) task->sums->data;
    gsize right = 0;

    for (gsize a = 0; a < n; a++) {
        double best = INFINITY;
        gboolean same = FALSE;
        for (gsize b = 0; b < n; b++) {
            double sum = 0;
            for (gsize i = 1; i < length; i++)
                sum += (rows[a * length + i] - rows[b * length + i]) *
                       (rows[a * length + i] - rows[b * length + i]);
            if (a == b || sum >= best)
                continue;
            best = sum;
            same = rows[a * length] == rows[b * length];
        }
        right += same;
    }
    return n ? (double) right / (double) n : 0;
}

const TaskKind task_vectors = {
    .name = "vectors",
    .goal = TRAIN_VECTORS,
    .recipe = "embedding",
    .data = "a folder of pictures for each of at least 2 things",
    .metric = "recall",
    .loss = FOV_LOSS_TRIPLET,
    .fit = SOURCE_SQUEEZE,
    .alone = TRUE,
    .augment = "none,flip=0.5",
    .group = 4,
    .rate = 0.003,
    .read = vectors_read,
    .n_outputs = vectors_outputs,
    .note = task_keep,
    .result = vectors_result,
};
