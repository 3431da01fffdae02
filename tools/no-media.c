/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What stands in for the commands that read pictures in a build without FFmpeg.
 */
#include "detect.h"
#include "doctor-picture.h"
#include "eval.h"
#include "frames.h"
#include "norm-frames.h"
#include "train-task.h"

static gboolean
no_media (GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                 "this build cannot read pictures or videos; expected one configured with "
                 "-Dmedia=enabled (FFmpeg)");
    return FALSE;
}

gboolean
doctor_picture (const ModelOptions *options, const char *path, const char *output, GError **error)
{
    return no_media (error);
}

gboolean
detect_run (const DetectOptions *options, char **inputs, GError **error)
{
    return no_media (error);
}

gboolean
follow_run (const DetectOptions *options, const char *input, FovBox box, GError **error)
{
    return no_media (error);
}

gboolean
eval_run_model (const EvalOptions *options, const Coco *coco, GArray **found, GError **error)
{
    return no_media (error);
}

Frames *
frames_open (const char *input, guint skip, GError **error)
{
    no_media (error);
    return NULL;
}

void
frames_free (Frames *frames)
{
}

NormFrames *
norm_frames_open (FovModel *model, const FovDetectorParams *params, const char *input, guint most,
                  GError **error)
{
    no_media (error);
    return NULL;
}

void
norm_frames_free (NormFrames *frames)
{
}

FovNormFrames
norm_frames_get (NormFrames *frames)
{
    return (FovNormFrames){ 0 };
}

const FovImage *
frames_next (Frames *frames, gint64 *pts, GError **error)
{
    no_media (error);
    return NULL;
}

gboolean
train_run (const TrainOptions *options, const char *folder, GError **error)
{
    return no_media (error);
}

gboolean
train_detect_run (const TrainOptions *options, const char *data, GError **error)
{
    return no_media (error);
}

gboolean
train_preview (const TrainOptions *options, const TaskKind *kind, const char *path, GError **error)
{
    return no_media (error);
}

const TaskKind *
task_kind (const TrainOptions *options, const char *data)
{
    return NULL;
}

gboolean
train_task_run (const TrainOptions *options, const TaskKind *kind, const char *data, GError **error)
{
    return no_media (error);
}
