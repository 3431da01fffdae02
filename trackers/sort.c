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

typedef struct {
    GArray *targets; /* FovTarget */
    FovMatch *match;
} Sort;

static gpointer
sort_create (const FovTrackerParams *params)
{
    Sort *sort = g_new0 (Sort, 1);

    sort->targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    sort->match = fov_match_new ();
    return sort;
}

static void
sort_reset (gpointer self)
{
    Sort *sort = self;

    g_array_set_size (sort->targets, 0);
}

static void
sort_destroy (gpointer self)
{
    Sort *sort = self;

    g_array_unref (sort->targets);
    fov_match_free (sort->match);
    g_free (sort);
}

static void
predict (Sort *sort, const FovScene *scene)
{
    for (guint i = 0; i < sort->targets->len; i++) {
        FovTarget *t = &g_array_index (sort->targets, FovTarget, i);
        fov_target_step (t, scene);
        if (t->kalman.x[2] + t->kalman.x[6] * scene->dt <= 0)
            t->kalman.x[6] = 0;
        fov_target_predict (t, &fov_motion_sort, scene);
    }
}

static void
associate (Sort *sort, const FovScene *scene)
{
    FovMatch *match = sort->match;
    guint n;

    fov_match_clear_rows (match);
    fov_match_clear_cols (match);
    for (guint i = 0; i < sort->targets->len; i++)
        fov_match_add_row (match, i);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score > (float) scene->set[MIN_SCORE])
            fov_match_add_col (match, i);
    double *cost = fov_match_cost (match);
    fov_cost_iou (match, sort->targets, scene, cost);
    const FovPair *pairs = fov_match_solve_gated (match, cost, -scene->set[IOU], &n);
    for (guint i = 0; i < n; i++) {
        FovTarget *t = &g_array_index (sort->targets, FovTarget, pairs[i].row);
        fov_target_seen (t, scene, pairs[i].col);
        fov_target_correct (t, &fov_motion_sort, scene, pairs[i].col);
    }
}

/* SORT shows a track again only after as long a row of detections as at its birth. */
static void
judge (FovTarget *t, const FovScene *scene)
{
    if (t->unseen_for > scene->set[MAX_AGE])
        fov_target_kill (t, t->hits < scene->set[MIN_HITS] ? FOV_TRACK_REASON_NEVER_SURE
                                                           : FOV_TRACK_REASON_TIMEOUT);
    else if (t->unseen_for > 0)
        fov_target_miss (t);
    else if (t->streak >= scene->set[MIN_HITS] || scene->number <= scene->set[MIN_HITS])
        fov_target_confirm (t);
    else if (t->track.state == FOV_TRACK_LOST)
        t->track.state = FOV_TRACK_TENTATIVE;
}

static gboolean
sort_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks, GError **error)
{
    Sort *sort = self;

    predict (sort, scene);
    if (scene->ran) {
        associate (sort, scene);
        for (guint i = 0; i < fov_match_n_cols (sort->match); i++) {
            FovTarget born;
            if (sort->targets->len >= FOV_TRACKER_MAX_OBJECTS)
                break;
            fov_target_bear (&born, &fov_motion_sort, scene, fov_match_col (sort->match, i),
                             next_id);
            g_array_append_val (sort->targets, born);
        }
        for (guint i = 0; i < sort->targets->len; i++)
            judge (&g_array_index (sort->targets, FovTarget, i), scene);
    }
    fov_targets_report (sort->targets, scene, scene->rate, tracks);
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
