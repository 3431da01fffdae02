/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_HOLD_H
#define FOV_TRACKERS_HOLD_H

#include "trackers/tracker-private.h"

/** What a visual tracker knows of one track, and how well it usually finds it. */
typedef struct {
    guint target;       /**< handle; 0: none */
    double score, apce; /**< usual ones; 0: not known yet */
} FovHold;

/** Asks the visual tracker for many tracks in one call; memory grows and is reused. */
typedef struct _FovHolds FovHolds;

FovHolds *fov_holds_new (const FovTrackerParams *params);
void fov_holds_free (FovHolds *holds);
/** Whether there are a visual tracker and a picture for it. */
gboolean fov_holds_any (const FovHolds *holds, const FovScene *scene);

/** The track is surely at box: begins, or refreshes what is known of its looks. */
gboolean fov_holds_learn (FovHolds *holds, const FovScene *scene, FovHold *hold, FovBox box,
                          GError **error);
void fov_holds_forget (FovHolds *holds, FovHold *hold);

/** Begins a new list of tracks to look for. */
void fov_holds_clear (FovHolds *holds);
/**
 * Adds a track; index is the caller's. Passed over where the visual tracker
 * could not look for it: smaller than a pixel, or more than it takes at once
 * (FovVisualParams: max_targets).
 */
void fov_holds_ask (FovHolds *holds, const FovHold *hold, guint index, FovBox expected,
                    float widen);
/** Looks for all of them in one call. */
gboolean fov_holds_locate (FovHolds *holds, const FovScene *scene, GError **error);
guint fov_holds_n (const FovHolds *holds);
/** The track that entry i asked for. */
guint fov_holds_index (const FovHolds *holds, guint i);
/**
 * Whether entry i was found, where: the response (score x APCE) is at least this
 * share of what is usual for the hold, which learns from it.
 */
gboolean fov_holds_found (FovHolds *holds, guint i, double least, FovHold *hold, FovBox *box);

#endif
