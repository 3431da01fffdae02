/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Masks: NAME.jpg (or .png, ...) with NAME.mask.png. */
#include "train-task.h"

/* "0,1,2" for --classes 3: what the grey values of masks are called. */
static FovLabels *
grey_values (int n, GError **error)
{
    g_autoptr (GString) names = g_string_new ("0");

    for (int i = 1; i < n; i++)
        g_string_append_printf (names, ",%d", i);
    return fov_labels_parse (names->str, error);
}

static FovData *
no_masks (const char *path, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "%s: there are no masks in it, expected NAME.mask.png beside NAME.jpg, or objects "
                 "with polygons",
                 path);
    return NULL;
}

static FovData *
open_masks (const TrainOptions *o, const char *path, GError **error)
{
    const FovDataFormat format = fov_data_format (path);
    const gboolean numbered = format == FOV_DATA_MASKS && o->classes > 2;
    g_autoptr (FovLabels) names = numbered ? grey_values (o->classes, error) : NULL;

    if (o->annotations || format != FOV_DATA_MASKS)
        return format == FOV_DATA_FOLDERS && !o->annotations &&
                       g_file_test (path, G_FILE_TEST_IS_DIR)
                   ? no_masks (path, error)
                   : train_open_boxes (o, path, error);
    return !numbered || names ? fov_data_open (path, &(FovDataParams){ .classes = names }, error)
                              : NULL;
}

static FovData *
masks_read (Task *task, const char *path, GError **error)
{
    g_autoptr (FovData) data = open_masks (task->o, path, error);

    task->width = task->height = task->o->size;
    task->n_labels = (guint) (task->width * task->height);
    if (!data || !fov_data_has_masks (data))
        return data ? no_masks (path, error) : NULL;
    if (fov_data_mask_classes (data) > fov_data_n_classes (data))
        task_class (task, "background");
    task_take_classes (task, data);
    return g_steal_pointer (&data);
}

static guint
masks_outputs (const Task *task)
{
    return task->classes->len;
}

/* sums: of each class, twice what is both, and the sum of both. */
static void
masks_note (Task *task, const TaskExample *e, const float *outputs, gsize n)
{
    const guint classes = masks_outputs (task), pixels = task->n_labels;
    double *sums;

    g_array_set_size (task->sums, 2 * classes);
    sums = (double *) (gpointer) task->sums->data;
    for (guint i = 0; i < pixels; i++) {
        guint best = 0;
        if (e->labels[i] < 0)
            continue;
        for (guint c = 1; c < classes; c++)
            best = outputs[c * pixels + i] > outputs[best * pixels + i] ? c : best;
        sums[2 * best]++;
        sums[2 * e->labels[i]]++;
        if (best == (guint) e->labels[i])
            sums[2 * best + 1] += 2;
    }
}

/* The mean over the classes but for the background. */
static double
masks_result (Task *task)
{
    const double *sums = (const double *) (gconstpointer) task->sums->data;
    const guint classes = masks_outputs (task);
    double sum = 0;

    for (guint c = 1; c < classes; c++)
        sum += sums[2 * c] > 0 ? sums[2 * c + 1] / sums[2 * c] : 1;
    return sum / (classes - 1);
}

const TaskKind task_masks = {
    .name = "masks",
    .goal = TRAIN_MASKS,
    .recipe = "unet",
    .data = "NAME.mask.png beside NAME.jpg",
    .metric = "Dice",
    .loss = FOV_LOSS_CROSS_ENTROPY_DICE,
    .fit = SOURCE_SQUEEZE,
    .by_pixel = TRUE,
    .rate = 0.003,
    .read = masks_read,
    .n_outputs = masks_outputs,
    .note = masks_note,
    .result = masks_result,
};
