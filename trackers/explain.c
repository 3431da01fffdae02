/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/tracker-private.h"

#include <math.h>

/* A track given up has left where less of its box lies in the picture. */
#define LEFT 0.5f

float
fov_tracker_covered (FovBox box, FovBox other)
{
    float w = fminf (box.x2, other.x2) - fmaxf (box.x1, other.x1);
    float h = fminf (box.y2, other.y2) - fmaxf (box.y1, other.y1);
    float area = fov_box_area (box);

    return w > 0 && h > 0 && area > 0 ? fminf (w * h / area, 1) : 0;
}

/* The box of that size at least: it goes on behind other, down and to its side. */
static FovBox
grown (FovBox box, float width, float height, FovBox other)
{
    float dx = fmaxf (width - (box.x2 - box.x1), 0), dy = fmaxf (height - (box.y2 - box.y1), 0);

    if (other.x1 + other.x2 > box.x1 + box.x2)
        box.x2 += dx;
    else
        box.x1 -= dx;
    box.y2 += dy;
    return box;
}

static void
explain (FovTrack *track, const GArray *tracks, const FovScene *scene)
{
    float width = track->whole.x2 - track->whole.x1, height = track->whole.y2 - track->whole.y1;
    float worst = 0;

    track->whole = track->box;
    track->visibility = 1;
    track->occluder = 0;
    for (guint i = 0; i < tracks->len; i++) {
        const FovTrack *other = &g_array_index (tracks, FovTrack, i);
        if (other->id == track->id || !fov_track_is_shown (other) ||
            !(other->box.y2 > track->box.y2) ||
            !fov_scene_same_detector (scene, track->label, other->label))
            continue;
        FovBox whole = grown (track->box, width, height, other->box);
        float share = fov_tracker_covered (whole, other->box);
        if (share > worst) {
            worst = share;
            track->whole = whole;
            track->occluder = other->id;
        }
    }
    track->visibility = 1 - worst;
}

static gboolean
is_held (const FovTrack *track)
{
    return track->reason == FOV_TRACK_REASON_VISUAL && fov_track_is_shown (track);
}

static void
explain_hidden (FovTrack *track)
{
    if (track->state != FOV_TRACK_LOST && !is_held (track))
        return;
    track->state = FOV_TRACK_OCCLUDED;
    if (track->reason == FOV_TRACK_REASON_MISSED)
        track->reason = FOV_TRACK_REASON_OCCLUDED;
}

void
fov_tracker_explain (GArray *tracks, const FovScene *scene)
{
    const FovBox picture = { 0, 0, (float) scene->width, (float) scene->height };

    for (guint i = 0; i < tracks->len; i++)
        explain (&g_array_index (tracks, FovTrack, i), tracks, scene);
    for (guint i = 0; i < tracks->len; i++) {
        FovTrack *track = &g_array_index (tracks, FovTrack, i);
        if (track->state == FOV_TRACK_REMOVED && track->reason == FOV_TRACK_REASON_TIMEOUT &&
            fov_box_area (picture) > 0 && fov_box_area (track->box) > 0 &&
            fov_tracker_covered (track->box, picture) < LEFT)
            track->reason = FOV_TRACK_REASON_LEFT;
        if (track->visibility < FOV_TRACKER_VISIBLE)
            explain_hidden (track);
        else if (track->state == FOV_TRACK_OCCLUDED)
            track->state = FOV_TRACK_CONFIRMED; /* it was hidden when it was last looked for */
    }
}
