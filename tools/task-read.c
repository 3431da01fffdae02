/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the readers of tasks' data share, and which task a run is. */
#include "train-task.h"

#include <string.h>

#include <fovea/media.h>

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
    return !o->task && g_str_has_suffix (data, ".csv") ? &task_tags : NULL;
}

float *
task_picture (const Task *task, const char *path, GError **error)
{
    FovImage image = { 0 };
    float *pixels = g_new (float, 3 * (gsize) task->width * task->height);
    gboolean ok =
        fov_image_load (path, &image, error) &&
        fov_picture_to_tensor (&image,
                               &(FovPictureParams){ .width = task->width, .height = task->height },
                               pixels, error);

    g_free (image.plane[0]);
    if (ok)
        return pixels;
    g_free (pixels);
    return NULL;
}

void
task_add (Task *task, float *pixels, gint64 *labels, float *values)
{
    const guint i = task->n_read++, percent = (guint) task->o->validation;
    const gboolean apart = (i + 1) * percent / 100 > i * percent / 100;
    TaskExample example = { pixels, labels, values };

    g_array_append_val (apart ? task->valid : task->train, example);
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

char **
task_lines (const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) why = NULL;

    if (!g_file_get_contents (path, &text, NULL, &why)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s", why->message);
        return NULL;
    }
    if (!g_utf8_validate (text, -1, NULL)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "%s: not a text in UTF-8", path);
        return NULL;
    }
    return g_strsplit (g_strdelimit (text, "\r", '\n'), "\n", -1);
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
