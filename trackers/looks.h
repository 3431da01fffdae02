/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_LOOKS_H
#define FOV_TRACKERS_LOOKS_H

#include "trackers/backdrop.h"
#include "trackers/gallery.h"
#include "trackers/tracker-private.h"

/** What one track is remembered to look like. */
typedef struct {
    FovGallery stripes, embeddings;
} FovLook;

/** The looks of a picture's detections, and the memory that tracks keep theirs in. */
typedef struct _FovLooks FovLooks;

FovLooks *fov_looks_new (const FovTrackerParams *params);
void fov_looks_free (FovLooks *looks);

/** Begins a picture: colour stripes of the detections of at least this score, where an image is
 * given. */
void fov_looks_begin (FovLooks *looks, const FovScene *scene, double score,
                      const FovBackdrop *backdrop);
/** Whether there are any looks in this picture, and whether embeddings may be asked for. */
gboolean fov_looks_any (const FovLooks *looks);
gboolean fov_looks_embeds (const FovLooks *looks);
/** Asks for a detection's embedding; all that were asked for are computed by one call. */
void fov_looks_want (FovLooks *looks, guint detection);
gboolean fov_looks_embed (FovLooks *looks, const FovScene *scene, GError **error);

/**
 * How unlike the track the detection looks: 0 the same, 1 where the same and
 * another object are as probable; the mean of what is known. -1: nothing is.
 */
double fov_looks_distance (const FovLooks *looks, const FovLook *look, guint detection);
/** Takes the detection's look into the track's memory. */
void fov_looks_learn (FovLooks *looks, FovLook *look, guint detection);
/** Gives a track's memory back. */
void fov_looks_forget (FovLooks *looks, FovLook *look);

#endif
