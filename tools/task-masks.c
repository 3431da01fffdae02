/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Masks: NAME.jpg (or .png, ...) with NAME.mask.png. */
#include "interrupt.h"
#include "train-task.h"

#include <string.h>

#include <fovea/media.h>

#define IGNORED 255

/* Two classes: above half is the object. More: the grey value is the class, 255 counts for none. */
static gboolean
pixel_class (guint value, guint classes, gint64 *label)
{
    if (classes == 2)
        *label = value >= 128;
    else
        *label = value == IGNORED ? -1 : (gint64) value;
    return *label < (gint64) classes;
}

static gint64 *
read_mask (const Task *task, const char *path, GError **error)
{
    FovImage image = { 0 };
    gint64 *labels;

    if (!fov_image_load (path, &image, error))
        return NULL;
    labels = g_new (gint64, task->n_labels);
    for (int y = 0; y < task->height; y++)
        for (int x = 0; x < task->width; x++) {
            const int sy = (2 * y + 1) * image.height / (2 * task->height);
            const int sx = (2 * x + 1) * image.width / (2 * task->width);
            const guint value = image.plane[0][sy * image.stride[0] + 3 * sx];
            if (pixel_class (value, (guint) task->o->classes, &labels[y * task->width + x]))
                continue;
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "%s: grey value %u at %d,%d, expected a class, 0 to %d, or %d for none",
                         path, value, sx, sy, task->o->classes - 1, IGNORED);
            g_free (image.plane[0]);
            g_free (labels);
            return NULL;
        }
    g_free (image.plane[0]);
    return labels;
}

static gboolean
read_pair (Task *task, const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autofree char *stem = g_strndup (path, (gsize) (strrchr (path, '.') - path));
    g_autofree char *mask = g_strconcat (stem, ".mask.png", NULL);
    float *pixels;
    gint64 *labels;

    if (!g_file_test (mask, G_FILE_TEST_EXISTS))
        return TRUE; /* a picture that nobody has painted yet */
    pixels = task_picture (task, path, error);
    labels = pixels ? read_mask (task, mask, error) : NULL;
    if (!labels) {
        g_free (pixels);
        return FALSE;
    }
    task_add (task, pixels, labels, NULL);
    return TRUE;
}

static gboolean
masks_read (Task *task, const char *folder, GError **error)
{
    g_autoptr (GPtrArray) names = train_list_folder (folder, FALSE, error);

    task->width = task->height = task->o->size;
    task->n_labels = (guint) (task->width * task->height);
    for (int i = 0; i < task->o->classes; i++) {
        g_autofree char *name = g_strdup_printf ("%d", i);
        task_class (task, task->o->classes > 2 ? name : i ? "object" : "background");
    }
    for (guint i = 0; names && i < names->len && !interrupted (); i++) {
        const char *name = names->pdata[i];
        if (strchr (name, '.') && !g_str_has_suffix (name, ".mask.png") &&
            !read_pair (task, folder, name, error))
            return FALSE;
    }
    return names != NULL;
}

static guint
masks_outputs (const Task *task)
{
    return (guint) task->o->classes;
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
    .mirror = TRUE,
    .by_pixel = TRUE,
    .rate = 0.003,
    .read = masks_read,
    .n_outputs = masks_outputs,
    .note = masks_note,
    .result = masks_result,
};
