/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_NORM_FRAMES_H
#define FOVEA_TOOLS_NORM_FRAMES_H

/*
 * Pictures that statistics of a model's norms are taken of, kept as its network sees them.
 */
#include <fovea/detector.h>
#include <fovea/norms.h>

G_BEGIN_DECLS

typedef struct _NormFrames NormFrames;

/**
 * None yet. They will be prepared as FovDetector does it, params (may be NULL) as there; for a
 * model that is no detector as fovea train shows pictures to a classifier.
 */
NormFrames *norm_frames_new (FovModel *model, const FovDetectorParams *params, GError **error);
/** Takes a picture of a file in. */
gboolean norm_frames_load (NormFrames *frames, const char *path, GError **error);
/**
 * Takes those of a folder, a glob or a video in; of more than most as many, or fewer, evenly
 * spread.
 */
NormFrames *norm_frames_open (FovModel *model, const FovDetectorParams *params, const char *input,
                              guint most, GError **error);
void norm_frames_free (NormFrames *frames);

/** Without progress; valid as long as frames. Reading fails after an interrupt. */
FovNormFrames norm_frames_get (NormFrames *frames);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (NormFrames, norm_frames_free)

G_END_DECLS

#endif
