/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines of text: a file of lines "picture<TAB>text". */
#include "train-task.h"

#include <string.h>

/* A symbol for each step that the network has, one more between two that are the same. FALSE where
 * they are too many. */
static gboolean
encode (Task *task, const char *text, gint64 *labels)
{
    guint n = 0, needed = 0;

    for (const char *c = text; *c && n < task->n_labels; c = g_utf8_next_char (c)) {
        g_autofree char *symbol = g_strndup (c, (gsize) (g_utf8_next_char (c) - c));
        labels[n] = task_class (task, symbol) + 1; /* 0 is the blank */
        needed += n && labels[n] == labels[n - 1] ? 2 : 1;
        n++;
    }
    while (n < task->n_labels)
        labels[n++] = -1;
    return needed <= task->n_labels && g_utf8_strlen (text, -1) <= (glong) task->n_labels;
}

static gboolean
read_line (Task *task, FovData *data, const char *folder, const char *file, guint number,
           const char *line, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (line, "\t", 2);
    g_autofree char *path = NULL, *text = NULL;
    const guint row = fov_data_length (data);
    FovSample sample = { .id = row };

    if (g_strv_length (parts) != 2) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s, line %u: expected picture<TAB>text",
                     file, number);
        return FALSE;
    }
    text = g_utf8_normalize (parts[1], -1, G_NORMALIZE_NFC);
    path = g_path_is_absolute (parts[0]) ? g_strdup (parts[0])
                                         : g_build_filename (folder, parts[0], NULL);
    g_array_set_size (task->texts, (row + 1) * task->n_labels);
    if (!encode (task, text, &g_array_index (task->texts, gint64, row * task->n_labels))) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "%s, line %u: '%s' needs more than the %u steps of %d pixels; see --width",
                     file, number, text, task->n_labels, task->width);
        return FALSE;
    }
    sample.name = path;
    return fov_data_add (data, &sample, error);
}

static FovData *
texts_read (Task *task, const char *path, GError **error)
{
    const gboolean in_folder = g_file_test (path, G_FILE_TEST_IS_DIR);
    g_autofree char *file =
        in_folder ? g_build_filename (path, "labels.txt", NULL) : g_strdup (path);
    g_autofree char *folder = g_path_get_dirname (file);
    g_auto (GStrv) lines = task_lines (file, error);
    g_autoptr (FovData) data = fov_data_new (NULL);

    task->height = task->o->size;
    task->width = task->o->width ? task->o->width : 4 * task->height;
    task->n_labels = (guint) task->width / 4;
    for (guint i = 0; lines && lines[i]; i++)
        if (*lines[i] && !read_line (task, data, folder, file, i + 1, lines[i], error))
            return NULL;
    return lines ? g_steal_pointer (&data) : NULL;
}

static guint
texts_outputs (const Task *task)
{
    return task->classes->len + 1;
}

/* The likeliest symbol of each step, without repeats and then blanks (Graves et al. 2006, section
 * 3.2, best path). */
static guint
decode (const float *scores, gsize steps, guint classes, gint64 *symbols)
{
    guint n = 0, last = 0;

    for (gsize t = 0; t < steps; t++) {
        guint best = 0;
        for (guint c = 1; c < classes; c++)
            best = scores[t * classes + c] > scores[t * classes + best] ? c : best;
        if (best && best != last)
            symbols[n++] = best;
        last = best;
    }
    return n;
}

/* Fewest symbols to change, take away or add (Levenshtein 1966). */
static guint
distance (const gint64 *a, guint n, const gint64 *b, guint m)
{
    g_autofree guint *row = g_new (guint, m + 1);

    for (guint j = 0; j <= m; j++)
        row[j] = j;
    for (guint i = 1; i <= n; i++) {
        guint corner = row[0];
        row[0] = i;
        for (guint j = 1; j <= m; j++) {
            const guint change = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

/* sums: symbols that are wrong, symbols. */
static void
texts_note (Task *task, const TaskExample *e, const float *outputs, gsize n)
{
    const guint classes = texts_outputs (task);
    g_autofree gint64 *found = g_new (gint64, n / classes + 1);
    const guint n_found = decode (outputs, n / classes, classes, found);
    guint length = 0;

    while (length < task->n_labels && e->labels[length] >= 0)
        length++;
    g_array_set_size (task->sums, 2);
    g_array_index (task->sums, double, 0) += distance (found, n_found, e->labels, length);
    g_array_index (task->sums, double, 1) += length;
}

static double
texts_result (Task *task)
{
    const double *sums = (const double *) (gconstpointer) task->sums->data;

    return sums[0] / MAX (sums[1], 1);
}

const TaskKind task_texts = {
    .name = "texts",
    .goal = TRAIN_TEXTS,
    .recipe = "crnn",
    .data = "lines picture<TAB>text",
    .metric = "CER",
    .loss = FOV_LOSS_CTC,
    .fit = SOURCE_LINE,
    .one_sided = TRUE,
    .alone = TRUE,
    .augment = "none",
    .size = 32,
    .rate = 0.003,
    .read = texts_read,
    .n_outputs = texts_outputs,
    .note = texts_note,
    .result = texts_result,
};
