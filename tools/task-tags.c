/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several labels a picture: a file of lines "picture,label;label". */
#include "train-task.h"

#include <string.h>

#include <fovea/metrics.h>

/* Commas of a name are the first parts' of the line: labels have none. */
static gboolean
split_line (const char *line, char **name, char ***labels)
{
    const char *comma = strrchr (line, ',');

    if (!comma || comma == line)
        return FALSE;
    *name = g_strndup (line, (gsize) (comma - line));
    *labels = g_strsplit (comma + 1, ";", -1);
    for (char **label = *labels; *label; label++)
        g_strstrip (*label);
    return TRUE;
}

/* All labels, sorted, before the first picture is read: a picture's target has one of each. */
static gboolean
find_classes (Task *task, const char *file, char **lines, GError **error)
{
    g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GList) names = NULL;

    for (guint i = 0; lines[i]; i++) {
        g_autofree char *name = NULL;
        g_auto (GStrv) labels = NULL;
        if (!*lines[i])
            continue;
        if (!split_line (lines[i], &name, &labels)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "%s, line %u: expected picture,label;label", file, i + 1);
            return FALSE;
        }
        for (char **label = labels; *label; label++)
            if (**label)
                g_hash_table_add (found, g_strdup (*label));
    }
    names = g_list_sort (g_hash_table_get_keys (found), (GCompareFunc) strcmp);
    for (GList *n = names; n; n = n->next)
        task_class (task, n->data);
    return TRUE;
}

static gboolean
add_line (Task *task, FovData *data, const char *folder, const char *line, GError **error)
{
    g_autoptr (GArray) classes = g_array_new (FALSE, FALSE, sizeof (int));
    g_autofree char *name = NULL, *path = NULL;
    g_auto (GStrv) labels = NULL;
    FovSample sample = { 0 };

    split_line (line, &name, &labels);
    path = g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
    for (char **label = labels; *label; label++) {
        const int class = **label ? (int) task_class (task, *label) : -1;
        gboolean known = class < 0;
        for (guint i = 0; i < classes->len; i++)
            known = known || g_array_index (classes, int, i) == class;
        if (!known)
            g_array_append_val (classes, class);
    }
    sample.name = path;
    sample.classes = (const int *) (gconstpointer) classes->data;
    sample.n_classes = classes->len;
    return fov_data_add (data, &sample, error);
}

static FovData *
tags_read (Task *task, const char *file, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (file);
    g_auto (GStrv) lines = task_lines (file, error);
    g_autoptr (FovData) data = NULL;
    g_autofree const char **names = NULL;

    task->width = task->height = task->o->size;
    if (!lines || !find_classes (task, file, lines, error))
        return NULL;
    task->n_labels = task->classes->len;
    names = g_new0 (const char *, task->n_labels + 1);
    for (guint i = 0; i < task->n_labels; i++)
        names[i] = task->classes->pdata[i];
    data = fov_data_new (names);
    for (guint i = 0; lines[i]; i++)
        if (*lines[i] && !add_line (task, data, folder, lines[i], error))
            return NULL;
    return g_steal_pointer (&data);
}

static guint
tags_outputs (const Task *task)
{
    return task->classes->len;
}

/* Of each label the pictures in the order of its scores; the mean over labels that are there. */
static double
tags_result (Task *task)
{
    const guint n = task->n_labels, pictures = task->sums->len / (2 * n);
    const double *rows = (const double *) (gconstpointer) task->sums->data;
    g_autofree float *scores = g_new (float, pictures);
    g_autofree guint8 *truths = g_new (guint8, pictures);
    double sum = 0;
    guint there = 0;

    for (guint c = 0; c < n; c++) {
        gboolean any = FALSE;
        for (guint i = 0; i < pictures; i++) {
            truths[i] = rows[i * 2 * n + c] > 0.5;
            scores[i] = (float) rows[i * 2 * n + n + c];
            any = any || truths[i];
        }
        sum += any ? fov_average_precision (scores, truths, pictures) : 0;
        there += any;
    }
    return there ? sum / there : 0;
}

const TaskKind task_tags = {
    .name = "tags",
    .goal = TRAIN_TAGS,
    .recipe = "residual",
    .data = "lines picture,label;label",
    .metric = "macro-AP",
    .loss = FOV_LOSS_BCE,
    .fit = SOURCE_SQUEEZE,
    .augment = "none,flip=0.5",
    .rate = 0.003,
    .read = tags_read,
    .n_outputs = tags_outputs,
    .note = task_keep,
    .result = tags_result,
};
