/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several labels a picture: a file of lines "picture,label;label". */
#include "csv.h"
#include "train-task.h"

#include <string.h>

#include <fovea/metrics.h>

typedef struct {
    const char *name;
    char **labels;
} Row;

static void
row_clear (gpointer row)
{
    g_strfreev (((Row *) row)->labels);
}

/* FALSE: it is no such line, or has a label that could not stand in FILE.labels. */
static gboolean
read_row (const CsvRecord *record, const char *file, GArray *rows, GError **error)
{
    const guint n = g_strv_length (record->fields);
    Row row = { record->fields[0] };

    if (n != 2 || !*row.name) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s, line %u: expected picture,label;label%s", file, record->line,
                     n > 2 ? " (a name with commas in quotes)" : "");
        return FALSE;
    }
    row.labels = g_strsplit (record->fields[1], ";", -1);
    g_array_append_val (rows, row);
    for (char **label = row.labels; *label; label++) {
        g_strstrip (*label);
        if (!strchr (*label, '\n'))
            continue;
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s, line %u: a label of several lines",
                     file, record->line);
        return FALSE;
    }
    return TRUE;
}

/* All labels, sorted, before the first picture is added: a picture's target has one of each. */
static void
find_classes (Task *task, const GArray *rows)
{
    g_autoptr (GHashTable) found = g_hash_table_new (g_str_hash, g_str_equal);
    g_autoptr (GList) names = NULL;

    for (guint i = 0; i < rows->len; i++)
        for (char **label = g_array_index (rows, Row, i).labels; *label; label++)
            if (**label)
                g_hash_table_add (found, *label);
    names = g_list_sort (g_hash_table_get_keys (found), (GCompareFunc) strcmp);
    for (GList *n = names; n; n = n->next)
        task_class (task, n->data);
}

static gboolean
add_row (Task *task, FovData *data, const char *folder, const Row *row, GError **error)
{
    g_autoptr (GArray) classes = g_array_new (FALSE, FALSE, sizeof (int));
    g_autofree char *path = g_path_is_absolute (row->name)
                                ? g_strdup (row->name)
                                : g_build_filename (folder, row->name, NULL);
    FovSample sample = { .name = path };

    for (char **label = row->labels; *label; label++) {
        const int class = **label ? (int) task_class (task, *label) : -1;
        gboolean known = class < 0;
        for (guint i = 0; i < classes->len; i++)
            known = known || g_array_index (classes, int, i) == class;
        if (!known)
            g_array_append_val (classes, class);
    }
    sample.classes = (const int *) (gconstpointer) classes->data;
    sample.n_classes = classes->len;
    return fov_data_add (data, &sample, error);
}

static FovData *
tags_read (Task *task, const char *file, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (file);
    g_autofree char *text = task_text (file, error);
    g_autoptr (GPtrArray) records = text ? csv_parse (text, file, error) : NULL;
    g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (Row));
    g_autoptr (FovData) data = NULL;
    g_autofree const char **names = NULL;

    task->width = task->height = task->o->size;
    g_array_set_clear_func (rows, row_clear);
    if (!records)
        return NULL;
    for (guint i = 0; i < records->len; i++)
        if (!read_row (records->pdata[i], file, rows, error))
            return NULL;
    find_classes (task, rows);
    task->n_labels = task->classes->len;
    names = g_new0 (const char *, task->n_labels + 1);
    for (guint i = 0; i < task->n_labels; i++)
        names[i] = task->classes->pdata[i];
    data = fov_data_new (names);
    for (guint i = 0; i < rows->len; i++)
        if (!add_row (task, data, folder, &g_array_index (rows, Row, i), error))
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
