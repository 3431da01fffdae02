/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_DETECT_OUT_H
#define FOVEA_TOOLS_DETECT_OUT_H

/*
 * Where detect's results go: drawn pictures, lines of JSON or of text, and the
 * closing summary.
 */
#include "detect.h"

#include "picture.h"

G_BEGIN_DECLS

typedef struct _DetectOut DetectOut;

/**
 * Opens what can be opened before the first frame. detector may be NULL: objects
 * have no names then. n_inputs decides what OUT can be.
 */
DetectOut *detect_out_new (const DetectOptions *options, FovDetector *detector, guint n_inputs,
                           Progress *progress, GError **error);

/** Whether pictures are drawn at all. */
gboolean detect_out_draws (const DetectOut *out);

/** Called before an input's first frame; fails where OUT cannot hold it. */
gboolean detect_out_begin (DetectOut *out, const char *input, const FovReaderInfo *info,
                           GError **error);

/**
 * FovDetections and, where objects are followed, FovTracks (else NULL). fresh: the
 * detections are this very frame's, and not those of one before it or none.
 */
gboolean detect_out_frame (DetectOut *out, Picture *picture, const GArray *detections,
                           const GArray *tracks, gboolean fresh, GError **error);

/** Takes note of a frame that was neither looked at nor drawn. */
void detect_out_skipped (DetectOut *out);

/** Takes note of one run's time, and of frames that were damaged. */
void detect_out_latency (DetectOut *out, double seconds);
void detect_out_damaged (DetectOut *out, guint64 n);

/** Completes all files; also after an error (error may then be NULL). */
gboolean detect_out_close (DetectOut *out, GError **error);
/** tracking: what its lines are to be added of, or NULL. */
void detect_out_summary (DetectOut *out, Tracking *tracking);
void detect_out_free (DetectOut *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DetectOut, detect_out_free)

G_END_DECLS

#endif
