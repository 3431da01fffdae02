/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/tracker-private.h"

#include <math.h>

/* A track given up has left where less of its box lies in the picture. */
#define LEFT 0.5f
/* A lost track of which less than this is to be seen is behind another one. */
#define HIDDEN 0.5f

float
fov_tracker_covered (FovBox box, FovBox other)
{
    float w = fminf (box.x2, other.x2) - fmaxf (box.x1, other.x1);
    float h = fminf (box.y2, other.y2) - fmaxf (box.y1, other.y1);
    float area = fov_box_area (box);

    return w > 0 && h > 0 && area > 0 ? fminf (w * h / area, 1) : 0;
}

static void
explain (FovTrack *track, const GArray *tracks)
{
    float worst = 0;

    track->visibility = 1;
    track->occluder = 0;
    for (guint i = 0; i < tracks->len; i++) {
        const FovTrack *other = &g_array_index (tracks, FovTrack, i);
        if (other->id == track->id || !fov_track_is_shown (other) ||
            !(other->box.y2 > track->box.y2))
            continue;
        float share = fov_tracker_covered (track->box, other->box);
        if (share > worst) {
            worst = share;
            track->occluder = other->id;
        }
    }
    track->visibility = 1 - worst;
}

void
fov_tracker_explain (GArray *tracks, double width, double height)
{
    const FovBox picture = { 0, 0, (float) width, (float) height };

    for (guint i = 0; i < tracks->len; i++) {
        FovTrack *track = &g_array_index (tracks, FovTrack, i);
        explain (track, tracks);
        if (track->state == FOV_TRACK_REMOVED && track->reason == FOV_TRACK_REASON_TIMEOUT &&
            width > 0 && height > 0 && fov_box_area (track->box) > 0 &&
            fov_tracker_covered (track->box, picture) < LEFT)
            track->reason = FOV_TRACK_REASON_LEFT;
        if (track->state != FOV_TRACK_LOST || track->visibility >= HIDDEN)
            continue;
        track->state = FOV_TRACK_OCCLUDED;
        if (track->reason == FOV_TRACK_REASON_MISSED)
            track->reason = FOV_TRACK_REASON_OCCLUDED;
    }
}
