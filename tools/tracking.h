/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_TRACKING_H
#define FOVEA_TOOLS_TRACKING_H

/*
 * The options of following objects, the tracker that they describe, and what
 * came of it.
 */
#include "cli.h"
#include "print.h"

#include <fovea/device.h>
#include <fovea/labels.h>
#include <fovea/tracker.h>

G_BEGIN_DECLS

typedef struct {
    char *tracker, *preset, **set;
    char *embedding_model, *visual, *backbone, *head, *classes;
    char *ground; /* a camera file */
    int seed;
    double trail;
    gboolean show_lost, motion_vectors;
    char *mot; /* a MOTChallenge file to write */
} TrackOptions;

typedef struct _Tracking Tracking;

/** Names, presets and numbers, before anything is loaded: a CLI_ERROR says what there is. */
gboolean track_options_check (const TrackOptions *options, GError **error);

/** The visual tracker of the options, or NULL: without error where none is asked for. */
FovVisual *track_options_visual (const TrackOptions *options, FovDevice *device, GError **error);

/** Loads what options name; labels may be NULL. All are borrowed. */
Tracking *tracking_new (const TrackOptions *options, FovDevice *device, FovLabels *labels,
                        GError **error);
void tracking_free (Tracking *tracking);

/**
 * A tracker for another stream, which is the caller's and must go before the
 * next one is made: they share what was loaded. ground may be NULL.
 */
FovTracker *tracking_make (Tracking *tracking, double frame_rate, const FovGroundCamera *ground,
                           GError **error);

/** Another stream, of that nominal frame rate (0: unknown): identities start over. */
gboolean tracking_begin (Tracking *tracking, double frame_rate, GError **error);

/** Leaves the FovDetections of the classes that are to be followed. */
void tracking_select (const Tracking *tracking, GArray *detections);

/**
 * One picture's FovDetections; ran: the detector looked; camera: its motion since
 * the last picture, or NULL. tracks (GArray of FovTrack) is replaced; their
 * detection is an index into detections. A picture of another size than the one before begins
 * anew, with new identities; the old ones are among tracks, removed by a reset.
 */
gboolean tracking_update (Tracking *tracking, const FovImage *image, const double *camera,
                          const GArray *detections, gboolean ran, gint64 pts, GArray *tracks,
                          GError **error);

/** What came of it, as lines of the closing summary. */
void tracking_summary (Tracking *tracking, FILE *out);

/** The numbers of a tracker under a preset (each NULL: the default) as a table. */
gboolean print_tracker_numbers (const TrackOptions *options, GError **error);

/** For completion. */
const char *const *visual_words (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Tracking, tracking_free)

G_END_DECLS

#endif
