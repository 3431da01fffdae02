/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/target.h"

enum { MIN_SCORE, SURE_SCORE, IOU, MIN_HITS, MAX_AGE, N_PROPERTIES };

static const FovTrackerProperty properties[N_PROPERTIES] = {
    [MIN_SCORE] = { "min-score", "detections below this score are not used", 0, 1, 0.3, FALSE },
    [SURE_SCORE] = { "sure-score", "a track is shown once a detection had this score", 0, 1, 0.6,
                     FALSE },
    [IOU] = { "iou", "a pair overlaps at least so much (IoU)", 0, 1, 0.5, FALSE },
    [MIN_HITS] = { "min-hits", "detections before a track is shown", 1, 1000, 2, TRUE },
    [MAX_AGE] = { "max-age", "pictures that a track is kept unseen", 0, 1e5, 1, FALSE },
};

/* A target and the best score it ever had. */
typedef struct {
    FovTarget target;
    float best;
} Item;

typedef struct {
    GArray *items; /* Item */
    GArray *taken; /* gboolean per detection */
} Iou;

static gpointer
iou_create (const FovTrackerParams *params)
{
    Iou *iou = g_new0 (Iou, 1);

    iou->items = g_array_new (FALSE, FALSE, sizeof (Item));
    iou->taken = g_array_new (FALSE, TRUE, sizeof (gboolean));
    return iou;
}

static void
iou_reset (gpointer self)
{
    Iou *iou = self;

    g_array_set_size (iou->items, 0);
}

static void
iou_destroy (gpointer self)
{
    Iou *iou = self;

    g_array_unref (iou->items);
    g_array_unref (iou->taken);
    g_free (iou);
}

static int
best_detection (Iou *iou, const FovScene *scene, const FovTrack *track)
{
    float most = (float) scene->set[IOU];
    int best = -1;

    for (guint i = 0; i < scene->n; i++) {
        if (g_array_index (iou->taken, gboolean, i) ||
            !fov_scene_same_detector (scene, track->label, scene->detections[i].label))
            continue;
        float v = fov_box_iou (track->box, scene->detections[i].box);
        if (v >= most && (best < 0 || v > most)) {
            most = v;
            best = (int) i;
        }
    }
    return best;
}

static void
judge (Item *item, const FovScene *scene)
{
    FovTarget *t = &item->target;
    gboolean sure =
        t->hits + 1 >= scene->set[MIN_HITS] && item->best >= (float) scene->set[SURE_SCORE];

    item->best = MAX (item->best, t->track.score);
    if (t->unseen_for > scene->set[MAX_AGE] || (!sure && t->unseen_for > 0))
        fov_target_kill (t, sure ? FOV_TRACK_REASON_TIMEOUT : FOV_TRACK_REASON_NEVER_SURE);
    else if (t->unseen_for > 0)
        fov_target_miss (t);
    else if (sure)
        fov_target_confirm (t);
}

/* Each track in turn takes the detection that overlaps its last box best: no motion at all. */
static void
follow (Iou *iou, const FovScene *scene)
{
    for (guint i = 0; i < iou->items->len; i++) {
        Item *item = &g_array_index (iou->items, Item, i);
        FovTarget *t = &item->target;
        if (!t->looked) {
            fov_target_doubt (t, scene, scene->set[MAX_AGE]);
            continue;
        }
        int found = best_detection (iou, scene, &t->track);
        if (found >= 0) {
            fov_target_seen (t, scene, (guint) found);
            t->track.box = scene->detections[found].box;
            item->best = MAX (item->best, t->track.score);
            g_array_index (iou->taken, gboolean, found) = TRUE;
        }
        judge (item, scene);
    }
}

static gboolean
iou_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks, GError **error)
{
    Iou *iou = self;

    g_array_set_size (iou->taken, 0);
    g_array_set_size (iou->taken, scene->n);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score < (float) scene->set[MIN_SCORE])
            g_array_index (iou->taken, gboolean, i) = TRUE;
    for (guint i = 0; i < iou->items->len; i++)
        fov_target_step (&g_array_index (iou->items, Item, i).target, scene);
    follow (iou, scene);
    for (guint i = 0; i < scene->n; i++) {
        Item born = { .best = scene->detections[i].score };
        if (g_array_index (iou->taken, gboolean, i) || iou->items->len >= FOV_TRACKER_MAX_OBJECTS)
            continue;
        fov_target_bear (&born.target, &fov_motion_xywh, scene, i, next_id);
        g_array_append_val (iou->items, born);
    }
    fov_targets_report (iou->items, scene, scene->rate, tracks);
    return TRUE;
}

const FovTrackerClass fov_tracker_iou = {
    .name = "iou",
    .describe =
        "overlap with the last box alone (Bochinski et al. 2017, without image information)",
    .properties = properties,
    .n_properties = N_PROPERTIES,
    .create = iou_create,
    .update = iou_update,
    .reset = iou_reset,
    .destroy = iou_destroy,
};
