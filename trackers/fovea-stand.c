/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trackers/fovea-private.h"

/* A track is not looked for where another one covers more of it, nor where less of its box is
 * free of others; and so much of the share that usually stands out must do so. */
#define MOST_HIDDEN 0.8
#define LEAST_FREE 0.5
#define LEAST_OUT 0.6
/* How fast what is usual follows, from tracks of which so much is free. */
#define RATE 0.1
#define ALONE 0.9
/* What is found lies no further from where it was expected, in its widths and heights. */
#define NEAR 0.5
/* Steps of the search. */
#define TURNS 5
/* Seconds that a track is held so without a detection. */
#define LONGEST 2

/* What the detector sees is its own, and its neighbours'. */
static void
cover (Fovea *f)
{
    g_array_set_size (f->boxes, 0);
    for (guint i = 0; i < f->items->len; i++)
        if (fovea_item (f, i)->target.track.detection >= 0)
            g_array_append_val (f->boxes, fovea_item (f, i)->target.track.box);
    fov_backdrop_cover (fov_refine_backdrop (f->refine), (const FovBox *) (gpointer) f->boxes->data,
                        f->boxes->len, 1);
}

static gboolean
measure (Fovea *f, FovBox box, gboolean seen, FovExtent *extent)
{
    return fov_backdrop_extent (fov_refine_backdrop (f->refine), box, seen, extent);
}

/* The box moved until what stands out is in its middle. */
static gboolean
find (Fovea *f, FovBox box, FovExtent *extent)
{
    for (guint turn = 0; turn < TURNS; turn++) {
        if (!measure (f, box, FALSE, extent))
            return FALSE;
        float dx = (extent->box.x1 + extent->box.x2 - box.x1 - box.x2) / 2;
        float dy = (extent->box.y1 + extent->box.y2 - box.y1 - box.y2) / 2;
        box = (FovBox){ box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy };
    }
    return TRUE;
}

static gboolean
is_there (const FovItem *item, const FovExtent *extent)
{
    FovBox a = item->target.track.box, b = extent->box;
    double dx = ((double) a.x1 + a.x2 - b.x1 - b.x2) / 2,
           dy = ((double) a.y1 + a.y2 - b.y1 - b.y2) / 2;

    return extent->free >= LEAST_FREE && extent->share >= LEAST_OUT * item->stands_out &&
           fabs (dx) <= NEAR * (a.x2 - a.x1) && fabs (dy) <= NEAR * (a.y2 - a.y1);
}

static void
hold (FovItem *item, const FovScene *scene, const FovExtent *extent)
{
    FovTarget *t = &item->target;

    fov_motion_correct (&fov_motion_xywh, &t->kalman, extent->box, FOV_MEASURED_VISUAL, 1, TRUE);
    t->track.box = fov_motion_xywh.box (t->kalman.x);
    t->track.seen_pts = scene->pts;
    t->track.unseen = 0;
    t->track.reason = FOV_TRACK_REASON_VISUAL;
    t->track.state = fovea_held_state (t);
}

/* Whether the track could be where the detector did not find it. */
static gboolean
to_be_found (const FovItem *item, const FovScene *scene)
{
    const FovTrack *track = &item->target.track;

    return track->unseen > 0 && !item->target.dead && track->state != FOV_TRACK_TENTATIVE &&
           item->stands_out > 0 && item->hidden <= MOST_HIDDEN &&
           (double) (scene->pts - item->detected_pts) / 1e9 <= LONGEST;
}

static void
learn (FovItem *item, const FovExtent *extent)
{
    double rate = item->stands_out > 0 ? RATE : 1;

    if (extent->free > ALONE)
        item->stands_out += rate * (extent->share - item->stands_out);
}

void
fovea_stand (Fovea *f, const FovScene *scene)
{
    FovExtent extent;

    if (!scene->image || !scene->set[FOVEA_REFINE])
        return;
    cover (f);
    for (guint i = 0; i < f->items->len; i++) {
        FovItem *item = fovea_item (f, i);
        gboolean seen = item->target.track.detection >= 0;
        if (!seen && !to_be_found (item, scene))
            continue;
        if (seen && measure (f, item->target.track.box, TRUE, &extent))
            learn (item, &extent);
        else if (!seen && find (f, item->target.track.box, &extent) && is_there (item, &extent))
            hold (item, scene, &extent);
    }
}
