/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the readers of tasks' data share, and which task a run is. */
#include "train-task.h"

#include <string.h>

static const TaskKind *const kinds[] = { &task_masks, &task_texts, &task_tags, &task_vectors };

const TaskKind *
task_kind (const TrainOptions *o, const char *data)
{
    g_autofree char *recipe =
        g_strndup (o->recipe ? o->recipe : "", strcspn (o->recipe ? o->recipe : "", "+"));

    for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
        if (o->task ? g_str_equal (o->task, kinds[i]->name)
                    : kinds[i] != &task_tags && g_str_equal (recipe, kinds[i]->recipe))
            return kinds[i];
    if (!o->task && g_str_has_suffix (data, ".csv"))
        return &task_tags;
    return !o->task && !o->recipe && !o->annotations && fov_data_format (data) == FOV_DATA_MASKS
               ? &task_masks
               : NULL;
}

guint
task_class (Task *task, const char *name)
{
    guint i;

    if (g_ptr_array_find_with_equal_func (task->classes, name, g_str_equal, &i))
        return i;
    g_ptr_array_add (task->classes, g_strdup (name));
    return task->classes->len - 1;
}

void
task_take_classes (Task *task, const FovData *data)
{
    for (guint i = 0; i < fov_data_n_classes (data); i++)
        task_class (task, fov_data_class (data, i));
}

gboolean
task_open (Task *task, const TrainOptions *o, const TaskKind *kind, const char *path,
           GError **error)
{
    FovData *data;

    *task = (Task){ .o = o,
                    .kind = kind,
                    .classes = g_ptr_array_new_with_free_func (g_free),
                    .texts = g_array_new (FALSE, FALSE, sizeof (gint64)),
                    .sums = g_array_new (FALSE, TRUE, sizeof (double)) };
    data = kind->read (task, path, error);
    if (!data)
        return FALSE;
    task->source = (TrainSource){ .width = task->width,
                                  .height = task->height,
                                  .fit = kind->fit,
                                  .masks = kind->by_pixel,
                                  .one_sided = kind->one_sided,
                                  .alone = kind->alone,
                                  .group = kind->group,
                                  .augment = kind->augment };
    source_take (&task->source, o, data);
    if (fov_data_length (task->source.train) && kind->n_outputs (task) >= 2)
        return !kind->check || kind->check (task, path, error);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: %u pictures of %u kinds to learn %s from, expected %s", path,
                 fov_data_length (task->source.train), task->classes->len, kind->name, kind->data);
    return FALSE;
}

void
task_clear (Task *task)
{
    source_clear (&task->source);
    g_clear_pointer (&task->classes, g_ptr_array_unref);
    g_clear_pointer (&task->texts, g_array_unref);
    g_clear_pointer (&task->sums, g_array_unref);
}

char *
task_text (const char *path, GError **error)
{
    g_autofree char *text = NULL, *plain = NULL;
    g_auto (GStrv) ends = NULL;
    g_autoptr (GError) why = NULL;
    gsize n;

    if (!g_file_get_contents (path, &text, &n, &why)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s", why->message);
        return NULL;
    }
    if (!g_utf8_validate_len (text, n, NULL)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: not a text in UTF-8", path);
        return NULL;
    }
    ends = g_strsplit (g_str_has_prefix (text, "\xef\xbb\xbf") ? text + 3 : text, "\r\n", -1);
    plain = g_strjoinv ("\n", ends);
    return g_strdelimit (g_steal_pointer (&plain), "\r", '\n');
}

char **
task_lines (const char *path, GError **error)
{
    g_autofree char *text = task_text (path, error);

    return text ? g_strsplit (text, "\n", -1) : NULL;
}

void
task_keep (Task *task, const TaskExample *example, const float *outputs, gsize n)
{
    for (guint i = 0; i < task->n_labels; i++) {
        double v = example->labels ? (double) example->labels[i] : (double) example->values[i];
        g_array_append_val (task->sums, v);
    }
    for (gsize i = 0; i < n; i++) {
        double v = (double) outputs[i];
        g_array_append_val (task->sums, v);
    }
}
