/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Batch norms of a model that goes on learning: put back, and recalibrated. */
#include "interrupt.h"
#include "norm-frames.h"
#include "print.h"
#include "train.h"

#define MOST_FRAMES 64

typedef struct {
    const TrainData *data;
    FovShape shape;
    float *pixels;
    guint step; /* every how many pictures */
} Pictures;

static gboolean
read_picture (guint index, FovView *inputs, gpointer user_data, GError **error)
{
    Pictures *p = user_data;
    const int size = (int) p->shape.dim[3], middle = (p->data->side - size) / 2;

    if (interrupted ()) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted");
        return FALSE;
    }
    train_picture_cut (p->data, &g_array_index (p->data->train, TrainPicture, index * p->step),
                       size, middle, middle, FALSE, p->pixels);
    inputs[0] = (FovView){ FOV_F32, p->shape, p->pixels };
    return TRUE;
}

static FovModel *
recalibrate (FovModel *model, FovDevice *device, const TrainData *data, int size,
             Progress *progress, GError **error)
{
    g_autofree float *pixels = g_new (float, 3 * (gsize) size * (gsize) size);
    Pictures pictures = { data, { 4, { 1, 3, size, size } }, pixels, 1 };
    FovNormFrames frames = { .read = read_picture,
                             .user_data = &pictures,
                             .input_shapes = &pictures.shape,
                             .progress = progress_note,
                             .progress_data = progress };

    pictures.step = MAX (data->train->len / MOST_FRAMES, 1);
    frames.n = MIN (data->train->len / pictures.step, MOST_FRAMES);
    return fov_model_recalibrate (model, device, &frames, NULL, error);
}

static FovModel *
unfold (FovModel *model, FovDevice *device, const FovDetectorParams *params, const char *folder,
        Progress *progress, GError **error)
{
    g_autoptr (NormFrames) reference =
        folder ? norm_frames_open (model, params, folder, MOST_FRAMES, error) : NULL;
    FovNormFrames frames;

    if (!folder)
        return fov_model_ref (model);
    if (!reference)
        return NULL;
    frames = norm_frames_get (reference);
    frames.progress = progress_note;
    frames.progress_data = progress;
    return fov_model_unfold (model, device, &frames, error);
}

FovModel *
train_norms (FovModel *model, FovDevice *device, const TrainOptions *options, const TrainData *data,
             int size, GError **error)
{
    g_autoptr (Progress) progress = progress_new ("norms", "frames", -1, options->quiet);
    g_autoptr (FovModel) made = unfold (model, device, NULL, options->unfold, progress, error);

    if (!made || !options->recalibrate)
        return g_steal_pointer (&made);
    return recalibrate (made, device, data, size, progress, error);
}

/* ---- detectors ---------------------------------------------------------------------- */

FovModel *
train_detector_norms (FovModel *model, FovDevice *device, const TrainOptions *options,
                      const GPtrArray *paths, GError **error)
{
    const FovDetectorParams params = { .decoder = options->decoder,
                                       .width = options->size,
                                       .height = options->size };
    const guint step = MAX (paths->len / MOST_FRAMES, 1);
    g_autoptr (Progress) progress = progress_new ("norms", "frames", -1, options->quiet);
    g_autoptr (FovModel) made = unfold (model, device, &params, options->unfold, progress, error);
    g_autoptr (NormFrames) kept = NULL;
    FovNormFrames frames;

    if (!made || !options->recalibrate)
        return g_steal_pointer (&made);
    kept = norm_frames_new (made, &params, error);
    for (guint i = 0; kept && i < paths->len && i < MOST_FRAMES * step; i += step)
        if (!norm_frames_load (kept, paths->pdata[i], error))
            return NULL;
    if (!kept)
        return NULL;
    frames = norm_frames_get (kept);
    frames.progress = progress_note;
    frames.progress_data = progress;
    return fov_model_recalibrate (made, device, &frames, NULL, error);
}
