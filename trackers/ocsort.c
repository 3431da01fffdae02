/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trackers/cost.h"
#include "trackers/match.h"
#include "trackers/target.h"

/* How many pictures back a direction may be taken from, at most. */
#define HISTORY 16
/* A longer gap is walked through in as many longer steps. */
#define MOST_STEPS 100

enum { MIN_SCORE, LOW, IOU, MAX_AGE, MIN_HITS, DELTA, INERTIA, N_PROPERTIES };

static const FovTrackerProperty properties[N_PROPERTIES] = {
    [MIN_SCORE] = { "min-score", "detections above this score are paired first", 0, 1, 0.6, FALSE },
    [LOW] = { "low-score", "detections above this score get a second stage (1: none)", 0, 1, 1,
              FALSE },
    [IOU] = { "iou", "a pair overlaps at least so much (IoU)", 0, 1, 0.3, FALSE },
    [MAX_AGE] = { "max-age", "pictures that a track is kept unseen", 0, 1e5, 30, FALSE },
    [MIN_HITS] = { "min-hits", "detections in a row before a track is shown", 0, 1000, 3, TRUE },
    [DELTA] = { "delta", "pictures back that a track's direction is taken from", 1, HISTORY - 1, 3,
                TRUE },
    [INERTIA] = { "inertia", "weight of going on in the same direction", 0, 10, 0.2, FALSE },
};

typedef struct {
    FovBox box;
    guint age; /* the track's when it was observed; 0: never */
} Observation;

typedef struct {
    FovTarget target;
    Observation seen[HISTORY]; /* by age modulo HISTORY */
    Observation last;
    double direction[2];
    FovKalman frozen; /* as it was at the first picture unseen */
    gboolean is_frozen;
} Item;

typedef struct {
    FovTargetSet set; /* Item */
    FovMatch *low;
    GArray *gate; /* double: -IoU */
} OcSort;

static gpointer
oc_create (const FovTrackerParams *params)
{
    OcSort *oc = g_new0 (OcSort, 1);

    fov_target_set_init (&oc->set, sizeof (Item));
    oc->gate = g_array_new (FALSE, FALSE, sizeof (double));
    oc->low = fov_match_new ();
    return oc;
}

static void
oc_reset (gpointer self)
{
    OcSort *oc = self;

    g_array_set_size (oc->set.items, 0);
}

static void
oc_destroy (gpointer self)
{
    OcSort *oc = self;

    fov_target_set_clear (&oc->set);
    g_array_unref (oc->gate);
    fov_match_free (oc->low);
    g_free (oc);
}

static Item *
item_at (OcSort *oc, guint i)
{
    return &g_array_index (oc->set.items, Item, i);
}

/* The observation delta pictures ago, or the next one after that, or the last of all. */
static const Observation *
observed_before (const Item *item, guint delta)
{
    guint age = item->target.track.age;

    for (guint back = delta; back > 0 && item->last.age > 0; back--) {
        const Observation *o = &item->seen[(age - back) % HISTORY];
        if (age > back && o->age == age - back)
            return o;
    }
    return item->last.age > 0 ? &item->last : NULL;
}

/* From the middle of a to that of b, of length 1. */
static void
direction (FovBox a, FovBox b, double d[2])
{
    double x = ((double) b.x1 + b.x2 - a.x1 - a.x2) / 2;
    double y = ((double) b.y1 + b.y2 - a.y1 - a.y2) / 2;
    double length = sqrt (x * x + y * y) + 1e-6;

    d[0] = x / length;
    d[1] = y / length;
}

static FovBox
between (FovBox a, FovBox b, double share)
{
    double za[FOV_KALMAN_N], zb[FOV_KALMAN_N];

    fov_motion_xywh.measure (a, za);
    fov_motion_xywh.measure (b, zb);
    for (guint i = 0; i < FOV_KALMAN_N; i++)
        za[i] += share * (zb[i] - za[i]);
    return fov_motion_xywh.box (za);
}

static void
predict_filter (FovKalman *k, double dt)
{
    if (k->x[2] + k->x[6] * dt <= 0)
        k->x[6] = 0;
    fov_motion_predict (&fov_motion_sort, k, dt);
}

/* Observation-centric re-update: after a gap the filter is run again over a straight
 * virtual path from the last observation to this one (Cao et al. 2023, section 3.2). */
static void
re_update (Item *item, FovBox box)
{
    FovKalman *k = &item->target.kalman;
    guint gap = item->target.track.age - item->last.age, steps = MIN (gap, MOST_STEPS);

    *k = item->frozen;
    item->is_frozen = FALSE;
    for (guint i = 1; i <= steps; i++) {
        fov_motion_correct (&fov_motion_sort, k, between (item->last.box, box, (double) i / steps),
                            FOV_MEASURED_DETECTOR, 1, FALSE);
        if (i < steps)
            fov_motion_predict (&fov_motion_sort, k, (double) gap / steps);
    }
}

static void
observe (Item *item, const FovScene *scene, guint detection)
{
    FovTarget *t = &item->target;
    FovBox box = scene->detections[detection].box;
    const Observation *before = observed_before (item, (guint) scene->set[DELTA]);

    if (before)
        direction (before->box, box, item->direction);
    if (item->is_frozen && item->last.age > 0)
        re_update (item, box);
    item->is_frozen = FALSE;
    fov_target_seen (t, scene, detection);
    fov_target_correct (t, &fov_motion_sort, scene, detection);
    item->last = item->seen[t->track.age % HISTORY] = (Observation){ box, t->track.age };
}

static void
predict (OcSort *oc, const FovScene *scene)
{
    for (guint i = 0; i < oc->set.items->len; i++) {
        FovTarget *t = &item_at (oc, i)->target;
        fov_target_step (t, scene);
        predict_filter (&t->kalman, scene->dt);
        t->track.box = fov_motion_box (&fov_motion_sort, &t->kalman);
    }
}

/* How well a detection lies in the direction that the track was going, -0.5..0.5. */
static double
consistency (const Item *item, const Observation *before, FovBox box)
{
    double d[2];

    direction (before->box, box, d);
    double cosine = CLAMP (d[0] * item->direction[0] + d[1] * item->direction[1], -1, 1);
    return (G_PI / 2 - acos (cosine)) / G_PI;
}

static void
add_momentum (OcSort *oc, const FovScene *scene, double *cost)
{
    guint n = fov_match_n_rows (oc->set.match), m = fov_match_n_cols (oc->set.match);

    for (guint i = 0; i < n; i++) {
        const Item *item = item_at (oc, fov_match_row (oc->set.match, i));
        const Observation *before = observed_before (item, (guint) scene->set[DELTA]);
        for (guint j = 0; before && j < m; j++) {
            const FovDetection *d = &scene->detections[fov_match_col (oc->set.match, j)];
            cost[i * m + j] -= scene->set[INERTIA] * consistency (item, before, d->box) * d->score;
        }
    }
}

static void
take (OcSort *oc, const FovScene *scene, const FovPair *pairs, guint n)
{
    for (guint i = 0; i < n; i++)
        observe (item_at (oc, pairs[i].row), scene, pairs[i].col);
}

static void
pair_by_motion (OcSort *oc, const FovScene *scene)
{
    FovMatch *match = oc->set.match;
    guint n;

    fov_target_set_gather (&oc->set, scene, scene->set[MIN_SCORE]);
    double *cost = fov_match_cost (match);
    fov_cost_iou (match, oc->set.items, scene, cost);
    fov_cost_same_detector (match, oc->set.items, scene, cost);
    g_array_set_size (oc->gate, 0);
    g_array_append_vals (oc->gate, cost, fov_match_n_rows (match) * fov_match_n_cols (match));
    add_momentum (oc, scene, cost);
    const FovPair *pairs =
        fov_match_solve_gated (match, (double *) (gpointer) oc->gate->data, -scene->set[IOU], &n);
    take (oc, scene, pairs, n);
}

/* What the first stage left, against what is left of the tracks' predictions. */
static void
pair_low (OcSort *oc, const FovScene *scene)
{
    guint n;

    fov_match_clear_rows (oc->low);
    fov_match_clear_cols (oc->low);
    for (guint i = 0; i < fov_match_n_rows (oc->set.match); i++)
        fov_match_add_row (oc->low, fov_match_row (oc->set.match, i));
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score > (float) scene->set[LOW] &&
            scene->detections[i].score < (float) scene->set[MIN_SCORE])
            fov_match_add_col (oc->low, i);
    double *cost = fov_match_cost (oc->low);
    fov_cost_iou (oc->low, oc->set.items, scene, cost);
    fov_cost_same_detector (oc->low, oc->set.items, scene, cost);
    const FovPair *pairs = fov_match_solve_gated (oc->low, cost, -scene->set[IOU], &n);
    take (oc, scene, pairs, n);
    fov_match_clear_rows (oc->set.match);
    for (guint i = 0; i < fov_match_n_rows (oc->low); i++)
        fov_match_add_row (oc->set.match, fov_match_row (oc->low, i));
}

/* Observation-centric recovery: what is left against the last observations. */
static void
pair_by_last (OcSort *oc, const FovScene *scene)
{
    FovMatch *match = oc->set.match;
    guint n, rows = fov_match_n_rows (match), cols = fov_match_n_cols (match);
    double *cost = fov_match_cost (match);

    for (guint i = 0; i < rows; i++) {
        const Item *item = item_at (oc, fov_match_row (match, i));
        for (guint j = 0; j < cols; j++)
            cost[i * cols + j] =
                item->last.age > 0
                    ? -fov_box_iou (item->last.box, scene->detections[fov_match_col (match, j)].box)
                    : 0;
    }
    fov_cost_same_detector (match, oc->set.items, scene, cost);
    const FovPair *pairs = fov_match_solve_gated (match, cost, -scene->set[IOU], &n);
    take (oc, scene, pairs, n);
}

static void
judge (Item *item, const FovScene *scene)
{
    FovTarget *t = &item->target;

    if (t->looked && t->unseen_for > 0 && !item->is_frozen) {
        item->frozen = t->kalman;
        item->is_frozen = TRUE;
    }
    fov_target_judge (t, scene, scene->set[MAX_AGE], scene->set[MIN_HITS]);
    if (t->looked && t->unseen_for == 0 && item->last.age > 0)
        t->track.box = item->last.box; /* observations are what it reports */
}

static void
bear (OcSort *oc, const FovScene *scene, guint64 *next_id)
{
    for (guint i = 0; i < fov_match_n_cols (oc->set.match); i++) {
        Item born;
        if (oc->set.items->len >= FOV_TRACKER_MAX_OBJECTS)
            return;
        memset (&born, 0, sizeof born);
        fov_target_bear (&born.target, &fov_motion_sort, scene, fov_match_col (oc->set.match, i),
                         next_id);
        g_array_append_val (oc->set.items, born);
    }
}

static gboolean
oc_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks, GError **error)
{
    OcSort *oc = self;

    predict (oc, scene);
    if (scene->ran) {
        pair_by_motion (oc, scene);
        if (scene->set[LOW] < scene->set[MIN_SCORE])
            pair_low (oc, scene);
        pair_by_last (oc, scene);
        bear (oc, scene, next_id);
    }
    for (guint i = 0; i < oc->set.items->len; i++)
        judge (item_at (oc, i), scene);
    fov_targets_report (oc->set.items, scene, scene->rate, tracks);
    return TRUE;
}

const FovTrackerClass fov_tracker_ocsort = {
    .name = "ocsort",
    .describe = "observation-centric SORT (Cao et al. 2023)",
    .properties = properties,
    .n_properties = N_PROPERTIES,
    .create = oc_create,
    .update = oc_update,
    .reset = oc_reset,
    .destroy = oc_destroy,
};
