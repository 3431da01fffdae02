/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trackers/fovea-private.h"

/* What a size that is not seen may become, of the one that was. */
#define LEAST_SIZE 0.5
#define MOST_SIZE 2.0

static const FovTrackerProperty properties[FOVEA_N_PROPERTIES] = {
    [FOVEA_HIGH] = { "high-score", "detections from this score on are paired first and bear tracks",
                     0, 1, 0.6, FALSE },
    [FOVEA_LOW] = { "low-score", "detections below this score are not used", 0, 1, 0.1, FALSE },
    [FOVEA_MATCH] = { "match",
                      "largest cost of a pair: 1 - overlap x height IoU^height x "
                      "exp (-mahalanobis d^2 / 2) x score x likeness",
                      0, 1, 0.9, FALSE },
    [FOVEA_MATCH_LOW] = { "match-low", "largest cost of a pair of low score", 0, 1, 0.5, FALSE },
    [FOVEA_BUFFER] = { "buffer", "boxes overlap grown by this share of their sizes on each side", 0,
                       2, 0, FALSE },
    [FOVEA_GIOU] = { "giou", "1: overlap is (1 + GIoU) / 2 and not IoU", 0, 1, 0, TRUE },
    [FOVEA_HEIGHT] = { "height", "power of the overlap of heights in a pair's cost", 0, 10, 1,
                       FALSE },
    [FOVEA_MAHALANOBIS] = { "mahalanobis",
                            "weight in a pair's cost of the squared distance to where a track is "
                            "expected, in its standard deviations",
                            0, 10, 0, FALSE },
    [FOVEA_NOISE] = { "noise", "factor on the noise that was measured of the detector", 0.01, 100,
                      1, FALSE },
    [FOVEA_TURNS] = { "turns",
                      "1: motion is of two kinds, even or with turns and stops, whichever explains "
                      "it better (IMM); 0: even",
                      0, 1, 0, TRUE },
    [FOVEA_SURE] = { "sure-time",
                     "seconds of detections, weighted by their scores, before a track "
                     "is shown",
                     0, 10, 0.06, FALSE },
    [FOVEA_MAX_AGE] = { "max-age", "seconds that a track unseen is found again by its place", 0,
                        1000, 1.5, FALSE },
    [FOVEA_LOOK] = { "look",
                     "largest unlikeness (1: as probably another) of a track found again "
                     "by its look; 0: none is",
                     0, 2, 0.6, FALSE },
    [FOVEA_LOOK_AGE] = { "look-age", "seconds that a track unseen is found again by its look", 0,
                         1000, 3, FALSE },
    [FOVEA_HOLD] = { "hold-time",
                     "seconds that a visual tracker, where there is one, holds a track "
                     "without a detection; 0: it is not used",
                     0, 1000, 1, FALSE },
    [FOVEA_PARTICLES] = { "particles",
                          "guesses at where a track is that nothing sees, which drift with its "
                          "motion and are weighed by its colours in the picture; 0: motion alone",
                          0, 1000, 0, TRUE },
    [FOVEA_REFINE] = { "refine", "1: boxes are made better from the backdrop of a camera at rest",
                       0, 1, 1, TRUE },
    [FOVEA_GROUND] = { "ground",
                       "how fast a pair's similarity falls with the squared distance on the "
                       "ground, "
                       "where a camera's place is given",
                       0, 1, 0.02, FALSE },
    [FOVEA_CAMERA] = { "camera-motion", "1: tracks move with the camera", 0, 1, 1, TRUE },
    [FOVEA_CLASS_AWARE] = { "class-aware", "1: a track keeps its class", 0, 1, 1, TRUE },
};

static gpointer
fovea_create (const FovTrackerParams *params)
{
    Fovea *f = g_new0 (Fovea, 1);

    f->items = g_array_new (FALSE, FALSE, sizeof (FovItem));
    f->high = fov_match_new ();
    f->low = fov_match_new ();
    f->looks = fov_looks_new (params);
    f->holds = fov_holds_new (params);
    f->coasts = fovea_coasts_new (params->seed);
    f->refine = fov_refine_new ();
    f->boxes = g_array_new (FALSE, FALSE, sizeof (FovBox));
    fov_jitter_init (&f->jitter);
    fov_jitter_init (&f->raw_jitter);
    return f;
}

/* Places on the old ground say nothing of the new one. */
static void
fovea_set_ground (gpointer self, const FovGroundCamera *camera)
{
    Fovea *f = self;

    fov_ground_init (&f->ground, camera);
    for (guint i = 0; i < f->items->len; i++)
        fovea_item (f, i)->ground.known = FALSE;
}

static void
forget (Fovea *f, FovItem *item)
{
    fov_looks_forget (f->looks, &item->look);
    fov_holds_forget (f->holds, &item->hold);
    fovea_coast_forget (f->coasts, &item->coast);
}

static void
fovea_reset (gpointer self)
{
    Fovea *f = self;

    for (guint i = 0; i < f->items->len; i++)
        forget (f, fovea_item (f, i));
    g_array_set_size (f->items, 0);
    fov_jitter_init (&f->jitter);
    fov_jitter_init (&f->raw_jitter);
    fov_refine_reset (f->refine);
}

static void
fovea_destroy (gpointer self)
{
    Fovea *f = self;

    fovea_reset (f);
    g_array_unref (f->items);
    fov_match_free (f->high);
    fov_match_free (f->low);
    fov_refine_free (f->refine);
    g_array_unref (f->boxes);
    fov_looks_free (f->looks);
    fov_holds_free (f->holds);
    fovea_coasts_free (f->coasts);
    g_free (f);
}

static FovBox
warp_box (FovBox box, const double m[6])
{
    double x = ((double) box.x1 + box.x2) / 2, y = ((double) box.y1 + box.y2) / 2;
    double scale = sqrt (fabs (m[0] * m[4] - m[1] * m[3])) / 2;
    double w = (box.x2 - box.x1) * scale, h = (box.y2 - box.y1) * scale;
    double to_x = m[0] * x + m[1] * y + m[2], to_y = m[3] * x + m[4] * y + m[5];

    return (FovBox){ (float) (to_x - w), (float) (to_y - h), (float) (to_x + w),
                     (float) (to_y + h) };
}

/* A size that nothing corrects goes on growing or shrinking, through zero at last. */
static void
bound_size (FovItem *item)
{
    double *x = item->target.kalman.x;

    for (guint i = 0; i < 2; i++) {
        const double bounded =
            CLAMP (x[2 + i], item->size[i] * LEAST_SIZE, item->size[i] * MOST_SIZE);
        if (bounded == x[2 + i])
            continue;
        x[2 + i] = bounded;
        x[6 + i] = 0;
    }
}

static void
predict (FovItem *item, const FovScene *scene)
{
    FovTarget *t = &item->target;
    double dt = scene->dt * FOVEA_TICKS / scene->rate, drift[FOV_KALMAN_STATE];

    fov_target_step (t, scene);
    item->since_run += scene->dt;
    if (t->track.state == FOV_TRACK_LOST)
        t->kalman.x[6] = t->kalman.x[7] = 0;
    fov_motion_xywh.drift (t->kalman.x, drift);
    for (guint i = 0; i < FOV_KALMAN_STATE; i++)
        drift[i] *= i < FOV_KALMAN_N ? dt : dt / 2; /* objects turn less than published */
    if (scene->set[FOVEA_TURNS])
        fov_imm_predict (&item->imm, &t->kalman, dt, drift);
    else
        fov_kalman_predict (&t->kalman, dt, drift);
    if (scene->set[FOVEA_CAMERA] && scene->camera) {
        fov_motion_warp (&fov_motion_xywh, &t->kalman, scene->camera);
        item->last = warp_box (item->last, scene->camera);
    }
    bound_size (item);
    t->track.box = fov_motion_xywh.box (t->kalman.x);
    fov_ground_predict (&item->ground, scene->dt / scene->rate);
}

/* What covers each track: those seen lately whose lower edge is lower are nearer. */
static void
find_hidden (Fovea *f, const FovScene *scene)
{
    for (guint i = 0; i < f->items->len; i++) {
        FovItem *item = fovea_item (f, i);
        FovBox box = item->target.track.box;
        item->hidden = 0;
        for (guint j = 0; j < f->items->len; j++) {
            const FovTrack *other = &fovea_item (f, j)->target.track;
            if (other->state != FOV_TRACK_LOST && other->state != FOV_TRACK_TENTATIVE &&
                other->box.y2 > box.y2 &&
                fov_scene_same_detector (scene, item->target.track.label, other->label))
                item->hidden = fmax (item->hidden, fov_tracker_covered (box, other->box));
        }
    }
}

static void
judge (Fovea *f, FovItem *item, const FovScene *scene)
{
    FovTarget *t = &item->target;
    double life = scene->set[FOVEA_MAX_AGE];

    item->since_run = 0;
    if (t->track.detection >= 0)
        return;
    item->misses++;
    if (t->track.unseen == 0) {
        if (1 - item->hidden < (double) FOV_TRACKER_VISIBLE &&
            t->track.state != FOV_TRACK_TENTATIVE)
            t->track.state = FOV_TRACK_OCCLUDED;
        return;
    }
    if (scene->image && scene->set[FOVEA_LOOK] > 0)
        life = fmax (life, scene->set[FOVEA_LOOK_AGE]);
    if (t->track.state == FOV_TRACK_TENTATIVE)
        fov_target_kill (t, FOV_TRACK_REASON_NEVER_SURE);
    else if (fovea_unseen (item, scene) > life && item->misses >= FOVEA_LOOKS)
        fov_target_kill (t, FOV_TRACK_REASON_TIMEOUT);
    else
        fov_target_miss (t);
}

/* Where nobody looks, nothing is missed; but after a while nobody can say that it is still there.
 */
static void
doubt (FovItem *item, const FovScene *scene)
{
    FovTarget *t = &item->target;

    if (t->track.unseen > 0 && t->track.state != FOV_TRACK_TENTATIVE && !t->dead &&
        fovea_unseen (item, scene) > scene->set[FOVEA_MAX_AGE])
        fov_target_miss (t);
}

static void
bear (Fovea *f, const FovScene *scene, guint64 *next_id)
{
    for (guint i = 0; i < fov_match_n_cols (f->high); i++) {
        guint detection = fov_match_col (f->high, i);
        FovItem born;
        if (f->items->len >= FOV_TRACKER_MAX_OBJECTS)
            return;
        memset (&born, 0, sizeof born);
        fov_target_bear (&born.target, &fov_motion_xywh, scene, detection, next_id);
        born.last = scene->detections[detection].box;
        born.detected_pts = scene->pts;
        born.size[0] = born.target.kalman.x[2];
        born.size[1] = born.target.kalman.x[3];
        fov_ground_start (&f->ground, &born.ground, born.last);
        fovea_learn_look (f, &born, scene, detection);
        if (scene->number == 1 || scene->set[FOVEA_SURE] == 0)
            fov_target_confirm (&born.target);
        g_array_append_val (f->items, born);
    }
}

/* The scene with better boxes. */
static const FovScene *
refine (Fovea *f, const FovScene *scene)
{
    f->raw = scene->detections;
    f->is_refined = FALSE;
    if (!scene->set[FOVEA_REFINE])
        return scene;
    g_array_set_size (f->boxes, 0);
    for (guint i = 0; i < f->items->len; i++)
        g_array_append_val (f->boxes, fovea_item (f, i)->target.track.box);
    const FovScene *better =
        fov_refine_scene (f->refine, scene, (const FovBox *) (gpointer) f->boxes->data,
                          f->boxes->len, scene->set[FOVEA_LOW], &f->raw_jitter);
    f->is_refined = better != scene;
    return better;
}

static gboolean
fovea_update (gpointer self, const FovScene *scene, guint64 *next_id, GArray *tracks,
              GError **error)
{
    Fovea *f = self;
    gboolean ok = TRUE;

    for (guint i = 0; i < f->items->len; i++)
        predict (fovea_item (f, i), scene);
    find_hidden (f, scene);
    scene = refine (f, scene);
    fov_looks_begin (f->looks, scene, scene->set[FOVEA_LOW],
                     scene->image && scene->set[FOVEA_REFINE] ? fov_refine_backdrop (f->refine)
                                                              : NULL);
    if (scene->ran)
        ok = fovea_associate (f, scene, error);
    ok = fovea_hold (f, scene, ok ? error : NULL) && ok;
    fovea_stand (f, scene);
    fovea_coast (f, scene);
    for (guint i = 0; i < f->items->len; i++)
        if (fovea_item (f, i)->target.looked)
            judge (f, fovea_item (f, i), scene);
        else
            doubt (fovea_item (f, i), scene);
    if (scene->ran)
        bear (f, scene, next_id);
    ok = fovea_learn (f, scene, ok ? error : NULL) && ok;
    for (guint i = 0; i < f->items->len; i++)
        if (fovea_item (f, i)->target.dead)
            forget (f, fovea_item (f, i));
    fov_targets_report (f->items, scene, FOVEA_TICKS, tracks);
    return ok;
}

const FovTrackerClass fov_tracker_fovea = {
    .name = "fovea",
    .describe = "the joined tracker: motion, looks, two stages, noise learnt from the detector",
    .properties = properties,
    .n_properties = FOVEA_N_PROPERTIES,
    .uses = FOV_TRACKER_USES_EMBEDDINGS | FOV_TRACKER_USES_VISUAL | FOV_TRACKER_USES_GROUND,
    .create = fovea_create,
    .update = fovea_update,
    .set_ground = fovea_set_ground,
    .reset = fovea_reset,
    .destroy = fovea_destroy,
};
