/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Masks: NAME.jpg (or .png, ...) with NAME.mask.png. */
#include "interrupt.h"
#include "train-task.h"

#include <math.h>
#include <stdio.h>

#define MOST_NUMBERS                                                                               \
    32 /* greys below are numbers of classes, where none is between them and 255                   \
        */

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

/* ---- what grey values are ----------------------------------------------------- */

/* first: the first mask that has each value. */
static gboolean
note_values (const FovSample *s, const char *first[256], GError **error)
{
    const FovSample file = { .name = s->mask, .bytes = s->mask_bytes };
    FovImage image = { 0 };
    gsize bytes;

    if (!train_load_picture (&file, &image, NULL, error)) {
        g_prefix_error (error, "mask '%s': ", s->mask);
        return FALSE;
    }
    bytes = image.format == FOV_PIXEL_RGB ? 3 : image.format == FOV_PIXEL_RGBX ? 4 : 1;
    for (int y = 0; y < image.height; y++) {
        const guint8 *row = image.plane[0] + (gsize) y * (gsize) image.stride[0];
        for (gsize x = 0; x < (gsize) image.width; x++)
            if (!first[row[bytes * x]])
                first[row[bytes * x]] = s->mask;
    }
    g_free (image.plane[0]);
    return TRUE;
}

/* The largest from from to to that is there; 0: none. */
static guint
largest (const char *const first[256], guint from, guint to)
{
    for (guint v = to; v >= from && v > 0; v--)
        if (first[v])
            return v;
    return 0;
}

/* 0 and 1, or 0 and 255 with whatever a smooth edge has between them. */
static gboolean
choose_values (const char *path, const char *const first[256], gboolean *numbered, GError **error)
{
    const guint between = largest (first, 2, 254), most = largest (first, 1, 255);

    *numbered = !between && first[1];
    if (between && (between < MOST_NUMBERS || most < 128)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s': grey value %u, expected 0 and 1, or 0 and 255 (above half grey is the "
                     "object); with more classes --classes N",
                     first[between], between);
        return FALSE;
    }
    if (!*numbered && most >= 128 && !largest (first, 1, 127) && !first[0]) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s', and so all masks of %s: grey values above half grey alone, expected 0 "
                     "where there is no object",
                     first[most], path);
        return FALSE;
    }
    return TRUE;
}

/* What nobody has said, the masks tell. */
static gboolean
guess_values (const TrainOptions *o, const char *path, gboolean *numbered, GError **error)
{
    g_autoptr (FovData) data =
        fov_data_open (path, &(FovDataParams){ .format = FOV_DATA_MASKS }, error);
    const char *first[256] = { NULL };

    for (guint i = 0; data && i < fov_data_length (data); i++) {
        if (interrupted ()) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
            return FALSE;
        }
        if (!note_values (fov_data_sample (data, i), first, error))
            return FALSE;
    }
    if (!data || !choose_values (path, first, numbered, error))
        return FALSE;
    if (!o->quiet)
        printf ("masks: %s\n", *numbered ? "grey value 1 is the object, 255 counts for none"
                                         : "above half grey is the object");
    return TRUE;
}

/* ---- reading ------------------------------------------------------------------- */

static FovData *
open_masks (const TrainOptions *o, const char *path, GError **error)
{
    const FovDataFormat format = fov_data_format (path);
    g_autoptr (FovLabels) names = NULL;
    gboolean numbered = o->classes > 0;

    if (o->annotations || format != FOV_DATA_MASKS)
        return format == FOV_DATA_FOLDERS && !o->annotations &&
                       g_file_test (path, G_FILE_TEST_IS_DIR)
                   ? no_masks (path, error)
                   : train_open_boxes (o, path, error);
    names = numbered ? grey_values (o->classes, error) : NULL;
    if (numbered ? !names : !guess_values (o, path, &numbered, error))
        return NULL;
    return fov_data_open (path, &(FovDataParams){ .classes = names, .grey_is_class = numbered },
                          error);
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

static gboolean
has_object (const FovData *data, const FovSample *s, gboolean *found, GError **error)
{
    const char *first[256] = { NULL };

    for (guint i = 0; !s->mask && i < s->n_objects; i++)
        *found = *found || (s->objects[i].mask && !s->objects[i].ignore);
    if (!s->mask)
        return TRUE;
    if (!note_values (s, first, error))
        return FALSE;
    *found = fov_data_half_grey (data) ? largest (first, 128, 255) : largest (first, 1, 254);
    return TRUE;
}

static gboolean
have_objects (const FovData *data, gboolean *found, GError **error)
{
    *found = FALSE;
    for (guint i = 0; data && i < fov_data_length (data) && !*found; i++)
        if (!has_object (data, fov_data_sample (data, i), found, error))
            return FALSE;
    return TRUE;
}

static gboolean
masks_check (Task *task, const char *path, GError **error)
{
    const FovData *train = task->source.train, *valid = task->source.valid;
    gboolean learned, measured;

    if (!have_objects (train, &learned, error) || !have_objects (valid, &measured, error))
        return FALSE;
    if (!learned) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "%s: not a pixel of an object on any of %u masks to learn from, expected %s",
                     path, fov_data_length (train),
                     fov_data_half_grey (train) ? "some above half grey"
                                                : "classes from 1 on (255 counts for none)");
        return FALSE;
    }
    if (!measured && valid && fov_data_length (valid))
        g_printerr ("%s: not a pixel of an object on any of %u masks that are kept apart: there is "
                    "no Dice\n",
                    path, fov_data_length (valid));
    return TRUE;
}

static guint
masks_outputs (const Task *task)
{
    return task->classes->len;
}

/* ---- how well ------------------------------------------------------------------ */

/* Pixels of a class. */
typedef struct {
    double there, found, both;
} Sums;

static void
masks_note (Task *task, const TaskExample *e, const float *outputs, gsize n)
{
    const guint classes = masks_outputs (task), pixels = task->n_labels;
    Sums *sums;

    g_array_set_size (task->sums, classes * sizeof (Sums) / sizeof (double));
    sums = (Sums *) (gpointer) task->sums->data;
    for (guint i = 0; i < pixels; i++) {
        guint best = 0;
        if (e->labels[i] < 0)
            continue;
        for (guint c = 1; c < classes; c++)
            best = outputs[c * pixels + i] > outputs[best * pixels + i] ? c : best;
        sums[best].found++;
        sums[e->labels[i]].there++;
        sums[best].both += best == (guint) e->labels[i];
    }
}

/* The mean over the classes that are there, but for the background. */
static double
masks_result (Task *task)
{
    const Sums *sums = (const Sums *) (gconstpointer) task->sums->data;
    const guint classes = task->sums->len ? masks_outputs (task) : 0; /* 0: interrupted */
    double sum = 0;
    guint n = 0;

    for (guint c = 1; c < classes; c++) {
        if (sums[c].there <= 0)
            continue;
        sum += 2 * sums[c].both / (sums[c].there + sums[c].found);
        n++;
    }
    return n ? sum / n : (double) NAN;
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
    .check = masks_check,
    .n_outputs = masks_outputs,
    .note = masks_note,
    .result = masks_result,
};
