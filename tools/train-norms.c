/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Batch norms of a model that goes on learning: put back, and recalibrated. */
#include "norm-frames.h"
#include "print.h"
#include "train-source.h"

#define MOST_FRAMES 64

typedef struct {
    SourceWalk *walk;
    guint step; /* every how many pictures */
} Pictures;

static gboolean
read_picture (guint index, FovView *inputs, gpointer user_data, GError **error)
{
    const Pictures *p = user_data;

    return source_walk_read (index * p->step, inputs, p->walk, error);
}

static FovModel *
recalibrate (FovModel *model, FovDevice *device, TrainSource *source, Progress *progress,
             GError **error)
{
    const guint n = fov_data_length (source->train);
    const FovShape shape = { 4, { 1, 3, source->height, source->width } };
    g_autoptr (SourceWalk) walk = source_walk_new (source, source->train, 1, error);
    Pictures pictures = { walk, MAX (n / MOST_FRAMES, 1) };
    FovNormFrames frames = { .n = MIN (n / pictures.step, MOST_FRAMES),
                             .read = read_picture,
                             .user_data = &pictures,
                             .input_shapes = &shape,
                             .progress = progress_note,
                             .progress_data = progress };

    return walk ? fov_model_recalibrate (model, device, &frames, NULL, error) : NULL;
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
train_norms (FovModel *model, FovDevice *device, const TrainOptions *options, TrainSource *source,
             GError **error)
{
    g_autoptr (Progress) progress = progress_new ("norms", "frames", -1, options->quiet);
    g_autoptr (FovModel) made = unfold (model, device, NULL, options->unfold, progress, error);

    if (!made || !options->recalibrate)
        return g_steal_pointer (&made);
    return recalibrate (made, device, source, progress, error);
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
