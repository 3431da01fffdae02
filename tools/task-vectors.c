/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Vectors that are near for pictures of one name: a folder for each name. */
#include "interrupt.h"
#include "train-task.h"

#include <math.h>

static gboolean
vectors_read (Task *task, const char *folder, GError **error)
{
    g_autoptr (GPtrArray) names = train_list_folder (folder, TRUE, error);

    task->width = task->height = task->o->size;
    task->n_labels = 1;
    for (guint i = 0; names && i < names->len; i++) {
        g_autofree char *path = g_build_filename (folder, names->pdata[i], NULL);
        g_autoptr (GPtrArray) files = train_list_folder (path, FALSE, error);
        const guint name = task_class (task, names->pdata[i]);
        for (guint k = 0; files && k < files->len && !interrupted (); k++) {
            g_autofree char *file = g_build_filename (path, files->pdata[k], NULL);
            float *pixels = task_picture (task, file, error);
            gint64 label = name;
            if (!pixels)
                return FALSE;
            task_add (task, pixels, g_memdup2 (&label, sizeof label), NULL);
        }
        if (!files)
            return FALSE;
    }
    return names != NULL;
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
    .mirror = TRUE,
    .in_groups = TRUE,
    .rate = 0.003,
    .read = vectors_read,
    .n_outputs = vectors_outputs,
    .note = task_keep,
    .result = vectors_result,
};
