/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trackers/cost.h"
#include "trackers/match.h"
#include "trackers/target.h"

enum {
    HIGH,
    LOW,
    BIRTH,
    MATCH,
    MATCH_LOW,
    MATCH_NEW,
    MAX_AGE,
    FUSE,
    CLASS_AWARE,
    CAMERA,
    N_PROPERTIES /* the last is BoT-SORT's alone */
};

/* What the two say and do differently; the association is one. */
#define PROPERTIES(match)                                                                             \
    [HIGH] = { "high-score", "detections above this score are paired first", 0, 1, 0.6, FALSE },      \
    [LOW] = { "low-score", "detections below this score are not used", 0, 1, 0.1, FALSE },            \
    [BIRTH] = { "new-score", "a track begins at this score", 0, 1, 0.7, FALSE },                      \
    [MATCH] = { "match", "largest cost (1 - IoU x score) of a pair", 0, 1, match, FALSE },            \
    [MATCH_LOW] = { "match-low", "largest cost (1 - IoU) of a pair of low score", 0, 1, 0.5, FALSE }, \
    [MATCH_NEW] = { "match-new", "largest cost of the second pair of a track's life", 0, 1, 0.7,      \
                    FALSE },                                                                          \
    [MAX_AGE] = { "max-age", "pictures that a track is kept unseen", 0, 1e5, 30, FALSE },             \
    [FUSE] = { "fuse-score", "1: costs are weighted by the score", 0, 1, 1, TRUE },                   \
    [CLASS_AWARE] = { "class-aware", "1: a track keeps its class", 0, 1, 1, TRUE }

static const FovTrackerProperty byte_properties[] = { PROPERTIES (0.9) };
static const FovTrackerProperty bot_properties[] = {
    PROPERTIES (0.8),
    [CAMERA] = { "camera-motion", "1: tracks move with the camera", 0, 1, 1, TRUE },
};

typedef struct {
    const FovMotion *motion;
    guint still[2]; /* velocities that a lost track forgets */
    gboolean camera;
    GArray *targets; /* FovTarget */
    FovMatch *high, *low;
    GArray *live, *lost; /* guint: scratch of the search for duplicates */
} Byte;

static gpointer
create (const FovMotion *motion, guint still, gboolean camera)
{
    Byte *byte = g_new0 (Byte, 1);

    byte->motion = motion;
    byte->still[0] = still;
    byte->still[1] = 7;
    byte->camera = camera;
    byte->targets = g_array_new (FALSE, FALSE, sizeof (FovTarget));
    byte->high = fov_match_new ();
    byte->low = fov_match_new ();
    byte->live = g_array_new (FALSE, FALSE, sizeof (guint));
    byte->lost = g_array_new (FALSE, FALSE, sizeof (guint));
    return byte;
}

static gpointer
byte_create (const FovTrackerParams *params)
{
    return create (&fov_motion_xyah, 7, FALSE);
}

static gpointer
bot_create (const FovTrackerParams *params)
{
    return create (&fov_motion_xywh, 6, TRUE);
}

static void
byte_reset (gpointer self)
{
    Byte *byte = self;

    g_array_set_size (byte->targets, 0);
}

static void
byte_destroy (gpointer self)
{
    Byte *byte = self;

    g_array_unref (byte->targets);
    g_array_unref (byte->live);
    g_array_unref (byte->lost);
    fov_match_free (byte->high);
    fov_match_free (byte->low);
    g_free (byte);
}

static FovTarget *
target (Byte *byte, guint i)
{
    return &g_array_index (byte->targets, FovTarget, i);
}

/* A tentative track stays where it was born until its second detection, as published. */
static void
predict (Byte *byte, const FovScene *scene)
{
    for (guint i = 0; i < byte->targets->len; i++) {
        FovTarget *t = target (byte, i);
        fov_target_step (t, scene);
        if (t->track.state == FOV_TRACK_LOST)
            t->kalman.x[byte->still[0]] = t->kalman.x[byte->still[1]] = 0;
        if (t->track.state != FOV_TRACK_TENTATIVE)
            fov_target_predict (t, byte->motion, scene);
        if (byte->camera && scene->set[CAMERA] && scene->camera) {
            fov_motion_warp (byte->motion, &t->kalman, scene->camera);
            t->track.box = fov_motion_box (byte->motion, &t->kalman);
        }
    }
}

static void
pair (Byte *byte, FovMatch *match, const FovScene *scene, gboolean fuse, double limit)
{
    guint n, rows = fov_match_n_rows (match), cols = fov_match_n_cols (match);
    double *cost = fov_match_cost (match);

    fov_cost_iou (match, byte->targets, scene, cost);
    for (guint i = 0; i < rows * cols; i++) {
        double score = scene->detections[fov_match_col (match, i % cols)].score;
        cost[i] = 1 + (fuse ? cost[i] * score : cost[i]);
    }
    fov_cost_same_detector (match, byte->targets, scene, cost);
    if (scene->set[CLASS_AWARE])
        fov_cost_same_label (match, byte->targets, scene, cost);
    const FovPair *pairs = fov_match_solve (match, limit, &n);
    for (guint i = 0; i < n; i++) {
        FovTarget *t = target (byte, pairs[i].row);
        fov_target_seen (t, scene, pairs[i].col);
        fov_target_correct (t, byte->motion, scene, pairs[i].col);
        fov_target_confirm (t);
    }
}

static void
gather_cols (FovMatch *match, const FovScene *scene, double above, double below)
{
    fov_match_clear_cols (match);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score > (float) above &&
            scene->detections[i].score < (float) below)
            fov_match_add_col (match, i);
}

/* The tentative are paired last and get one chance; detections left over are births. */
static void
associate (Byte *byte, const FovScene *scene)
{
    FovMatch *high = byte->high, *low = byte->low;
    gboolean fuse = scene->set[FUSE] != 0;

    gather_cols (high, scene, scene->set[HIGH], INFINITY);
    gather_cols (low, scene, scene->set[LOW], scene->set[HIGH]);
    fov_match_clear_rows (high);
    for (guint i = 0; i < byte->targets->len; i++)
        if (target (byte, i)->track.state != FOV_TRACK_TENTATIVE)
            fov_match_add_row (high, i);
    pair (byte, high, scene, fuse, scene->set[MATCH]);

    fov_match_clear_rows (low);
    for (guint i = 0; i < fov_match_n_rows (high); i++)
        if (target (byte, fov_match_row (high, i))->track.state != FOV_TRACK_LOST)
            fov_match_add_row (low, fov_match_row (high, i));
    pair (byte, low, scene, FALSE, scene->set[MATCH_LOW]);

    fov_match_clear_rows (high);
    for (guint i = 0; i < byte->targets->len; i++)
        if (target (byte, i)->track.state == FOV_TRACK_TENTATIVE)
            fov_match_add_row (high, i);
    pair (byte, high, scene, fuse, scene->set[MATCH_NEW]);
}

static void
judge (FovTarget *t, const FovScene *scene)
{
    if (!t->looked)
        fov_target_doubt (t, scene, scene->set[MAX_AGE]);
    else if (t->unseen_for == 0)
        return;
    else if (t->track.state == FOV_TRACK_TENTATIVE)
        fov_target_kill (t, FOV_TRACK_REASON_NEVER_SURE);
    else if (t->unseen_for > scene->set[MAX_AGE])
        fov_target_kill (t, FOV_TRACK_REASON_TIMEOUT);
    else
        fov_target_miss (t);
}

static void
bear (Byte *byte, const FovScene *scene, guint64 *next_id)
{
    for (guint i = 0; i < fov_match_n_cols (byte->high); i++) {
        guint detection = fov_match_col (byte->high, i);
        FovTarget born;
        if (scene->detections[detection].score < (float) scene->set[BIRTH] ||
            byte->targets->len >= FOV_TRACKER_MAX_OBJECTS)
            continue;
        fov_target_bear (&born, byte->motion, scene, detection, next_id);
        if (scene->number == 1)
            fov_target_confirm (&born);
        g_array_append_val (byte->targets, born);
    }
}

/* Of a track and a lost one in the same place the one with the shorter life goes. */
static void
drop_duplicates (Byte *byte, const FovScene *scene)
{
    g_array_set_size (byte->live, 0);
    g_array_set_size (byte->lost, 0);
    for (guint i = 0; i < byte->targets->len; i++)
        if (!target (byte, i)->dead)
            g_array_append_val (target (byte, i)->track.state == FOV_TRACK_LOST ? byte->lost
                                                                                : byte->live,
                                i);
    for (guint i = 0; i < byte->live->len; i++)
        for (guint j = 0; j < byte->lost->len; j++) {
            FovTarget *a = target (byte, g_array_index (byte->live, guint, i));
            FovTarget *b = target (byte, g_array_index (byte->lost, guint, j));
            if (fov_box_iou (a->track.box, b->track.box) <= 0.85f ||
                !fov_scene_same_detector (scene, a->track.label, b->track.label))
                continue;
            gboolean older = a->track.age > b->track.age - b->track.unseen;
            fov_target_kill (older ? b : a, FOV_TRACK_REASON_DUPLICATE);
        }
}

static gboolean
byte_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks, GError **error)
{
    Byte *byte = self;

    predict (byte, scene);
    if (scene->ran)
        associate (byte, scene);
    for (guint i = 0; i < byte->targets->len; i++)
        judge (target (byte, i), scene);
    if (scene->ran) {
        bear (byte, scene, next_id);
        drop_duplicates (byte, scene);
    }
    fov_targets_report (byte->targets, scene, scene->rate, tracks);
    return TRUE;
}

const FovTrackerClass fov_tracker_bytetrack = {
    .name = "bytetrack",
    .describe = "every detection box in two stages (Zhang et al. 2022, ByteTrack)",
    .properties = byte_properties,
    .n_properties = G_N_ELEMENTS (byte_properties),
    .create = byte_create,
    .update = byte_update,
    .reset = byte_reset,
    .destroy = byte_destroy,
};

const FovTrackerClass fov_tracker_botsort = {
    .name = "botsort",
    .describe = "ByteTrack with camera motion and a better filter (Aharon et al. 2022, BoT-SORT)",
    .properties = bot_properties,
    .n_properties = G_N_ELEMENTS (bot_properties),
    .create = bot_create,
    .update = byte_update,
    .reset = byte_reset,
    .destroy = byte_destroy,
};
