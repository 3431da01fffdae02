/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/cost.h"
#include "trackers/match.h"
#include "trackers/target.h"

enum { MIN_SCORE, IOU, MAX_AGE, MIN_HITS, N_PROPERTIES };

static const FovTrackerProperty properties[N_PROPERTIES] = {
    [MIN_SCORE] = { "min-score", "detections below this score are not used", 0, 1, 0.6, FALSE },
    [IOU] = { "iou", "a pair overlaps at least so much (IoU)", 0, 1, 0.3, FALSE },
    [MAX_AGE] = { "max-age", "pictures that a track is kept unseen", 0, 1e5, 1, FALSE },
    [MIN_HITS] = { "min-hits", "detections in a row before a track is shown", 0, 1000, 3, TRUE },
};

static gpointer
sort_create (const FovTrackerParams *params)
{
    FovTargetSet *sort = g_new0 (FovTargetSet, 1);

    fov_target_set_init (sort, sizeof (FovTarget));
    return sort;
}

static void
sort_reset (gpointer self)
{
    FovTargetSet *sort = self;

    g_array_set_size (sort->items, 0);
}

static void
sort_destroy (gpointer self)
{
    fov_target_set_clear (self);
    g_free (self);
}

static void
predict (FovTargetSet *sort, const FovScene *scene)
{
    for (guint i = 0; i < sort->items->len; i++) {
        FovTarget *t = &g_array_index (sort->items, FovTarget, i);
        fov_target_step (t, scene);
        if (t->kalman.x[2] + t->kalman.x[6] * scene->dt <= 0)
            t->kalman.x[6] = 0;
        fov_target_predict (t, &fov_motion_sort, scene);
    }
}

static void
associate (FovTargetSet *sort, const FovScene *scene)
{
    FovMatch *match = sort->match;
    guint n;

    fov_target_set_gather (sort, scene, scene->set[MIN_SCORE]);
    double *cost = fov_match_cost (match);
    fov_cost_iou (match, sort->items, scene, cost);
    fov_cost_same_detector (match, sort->items, scene, cost);
    const FovPair *pairs = fov_match_solve_gated (match, cost, -scene->set[IOU], &n);
    for (guint i = 0; i < n; i++) {
        FovTarget *t = &g_array_index (sort->items, FovTarget, pairs[i].row);
        fov_target_seen (t, scene, pairs[i].col);
        fov_target_correct (t, &fov_motion_sort, scene, pairs[i].col);
    }
}

static gboolean
sort_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks, GError **error)
{
    FovTargetSet *sort = self;

    predict (sort, scene);
    if (scene->ran) {
        associate (sort, scene);
        for (guint i = 0; i < fov_match_n_cols (sort->match); i++) {
            FovTarget born;
            if (sort->items->len >= FOV_TRACKER_MAX_OBJECTS)
                break;
            fov_target_bear (&born, &fov_motion_sort, scene, fov_match_col (sort->match, i),
                             next_id);
            g_array_append_val (sort->items, born);
        }
    }
    for (guint i = 0; i < sort->items->len; i++)
        fov_target_judge (&g_array_index (sort->items, FovTarget, i), scene, scene->set[MAX_AGE],
                          scene->set[MIN_HITS]);
    fov_targets_report (sort->items, scene, scene->rate, tracks);
    return TRUE;
}

const FovTrackerClass fov_tracker_sort = {
    .name = "sort",
    .describe = "IoU and a Kalman filter (Bewley et al. 2016, Simple online and realtime tracking)",
    .properties = properties,
    .n_properties = N_PROPERTIES,
    .create = sort_create,
    .update = sort_update,
    .reset = sort_reset,
    .destroy = sort_destroy,
};
