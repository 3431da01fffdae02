/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trackers/fovea-private.h"

/* A track of which a larger share is covered is neither learnt nor believed to be found. */
#define COVERED_LEARN 0.2
#define COVERED_FIND 0.5
/* A response is believed from this share of the usual one on where the detector did not look, and
 * where it looked and found nothing. */
#define SEEN_ALONE 0.4
#define SEEN_AGAINST 1.0
/* What is found lies no further from where it was expected, in its own widths and heights. */
#define NEAR 0.5
/* A search is so much wider for each second unseen. */
#define WIDEN_RATE 1.0

/* More than half of the box lies in the picture. */
static gboolean
inside (FovBox box, const FovScene *scene)
{
    FovBox picture = { 0, 0, (float) scene->width, (float) scene->height };

    return fov_tracker_covered (box, picture) > 0.5;
}

/* Whether the track could be where the detector, having looked, did not find it. */
static gboolean
to_be_found (const FovItem *item, const FovScene *scene)
{
    const FovTrack *track = &item->target.track;

    return item->hold.target && track->unseen > 0 && !item->target.dead &&
           item->hidden <= COVERED_FIND && inside (track->box, scene) &&
           (double) (scene->pts - item->detected_pts) / 1e9 <= scene->set[FOVEA_HOLD];
}

static gboolean
near_expected (FovBox a, FovBox b)
{
    double w = b.x2 - b.x1, h = b.y2 - b.y1;
    double dx = ((double) a.x1 + a.x2 - b.x1 - b.x2) / 2;
    double dy = ((double) a.y1 + a.y2 - b.y1 - b.y2) / 2;

    return fabs (dx) <= NEAR * fmax (w, h / 2) && fabs (dy) <= NEAR * h;
}

FovTrackState
fovea_held_state (const FovTarget *target)
{
    gboolean unsure =
        target->track.state == FOV_TRACK_LOST || target->track.state == FOV_TRACK_OCCLUDED;

    return unsure ? FOV_TRACK_RECOVERED : FOV_TRACK_CONFIRMED;
}

/* The filter believes the place and hardly the size; a partly hidden object's not at all. */
static void
hold (FovItem *item, const FovScene *scene, FovBox box)
{
    FovTarget *t = &item->target;

    fov_motion_correct (&fov_motion_xywh, &t->kalman, box, FOV_MEASURED_VISUAL, 1,
                        item->hidden > COVERED_LEARN);
    t->track.box = fov_motion_xywh.box (t->kalman.x);
    t->track.seen_pts = scene->pts;
    t->track.unseen = 0;
    t->track.reason = FOV_TRACK_REASON_VISUAL;
    if (t->track.state == FOV_TRACK_TENTATIVE)
        return;
    t->track.state = fovea_held_state (t);
}

gboolean
fovea_hold (Fovea *f, const FovScene *scene, GError **error)
{
    if (!fov_holds_any (f->holds, scene) || !(scene->set[FOVEA_HOLD] > 0))
        return TRUE;
    fov_holds_clear (f->holds);
    for (guint i = 0; i < f->items->len; i++) {
        const FovItem *item = fovea_item (f, i);
        double widen = fmin (1 + WIDEN_RATE * fovea_unseen (item, scene), 2);
        if (to_be_found (item, scene))
            fov_holds_ask (f->holds, &item->hold, i, item->target.track.box, (float) widen);
    }
    if (!fov_holds_locate (f->holds, scene, error))
        return FALSE;
    for (guint i = 0; i < fov_holds_n (f->holds); i++) {
        FovItem *item = fovea_item (f, fov_holds_index (f->holds, i));
        FovBox box;
        if (fov_holds_found (f->holds, i, item->target.looked ? SEEN_AGAINST : SEEN_ALONE,
                             &item->hold, &box) &&
            near_expected (box, item->target.track.box))
            hold (item, scene, box);
    }
    return TRUE;
}

gboolean
fovea_learn (Fovea *f, const FovScene *scene, GError **error)
{
    if (!fov_holds_any (f->holds, scene) || !(scene->set[FOVEA_HOLD] > 0))
        return TRUE;
    for (guint i = 0; i < f->items->len; i++) {
        FovItem *item = fovea_item (f, i);
        const FovTrack *track = &item->target.track;
        if (track->detection < 0 || track->score < (float) scene->set[FOVEA_HIGH] ||
            item->hidden > COVERED_LEARN || !inside (track->box, scene))
            continue;
        if (!fov_holds_learn (f->holds, scene, &item->hold, track->box, error))
            return FALSE;
    }
    return TRUE;
}
