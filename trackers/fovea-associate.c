/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trackers/cost.h"
#include "trackers/fovea-private.h"

/* A pair counts the less the less alike it looks, and hardly from that on, in units of
 * fov_looks_distance: the light may have changed, and then the place must fit well. */
#define UNLIKE 1.2
#define LEAST_WORTH 0.25
/* Where something nearer covers more of a track, a box that is so much smaller is cut off by it and
 * gives the filter no size. */
#define COVERED_CUT 0.05
#define CUT 0.75
/* Where more is covered any size is a guess, so much noisier, and no look goes to memory. */
#define COVERED_SIZE 0.5
#define COVERED_LOOK 0.5
#define COVERED_NOISE 16
/* Errors of boxes refined by what stands out last for longer than a detector's: variances. */
#define REFINED_NOISE 4
/* How far from where it was last seen or is expected a track may come back, in its heights: at
 * once and per second. Up and down counts double: that is depth. */
#define REACH 0.5
#define REACH_RATE 1.0
/* A size may have changed by this factor. */
#define SIZE_CHANGE 1.5
/* Looks that a track must have given before it is known by them. */
#define FAMILIAR 3
/* A track is young for so many seconds: an older one may be found to be the same object. */
#define YOUNG 0.5

typedef enum { STAGE_HIGH, STAGE_LOW } Stage;

static gboolean
same_label (const FovItem *item, const FovDetection *d, const FovScene *scene)
{
    return scene->set[FOVEA_CLASS_AWARE]
               ? item->target.track.label == d->label
               : fov_scene_same_detector (scene, item->target.track.label, d->label);
}

/* Squared Mahalanobis distance of the boxes' centres. */
static double
deviation (const Fovea *f, const FovItem *item, FovBox box)
{
    const FovKalman *k = &item->target.kalman;
    double z[FOV_KALMAN_N], noise[FOV_KALMAN_N];

    fov_motion_xywh.measure (box, z);
    fov_jitter_noise (&f->jitter, k->x[2], k->x[3], noise);
    return fov_kalman_distance (k, z, noise, 2, NULL);
}

/* Overlap x height IoU (Hybrid-SORT, eq. 9) x Gaussian of the deviation x score (ByteTrack) x
 * likeness: 0..1. */
static double
similarity (Fovea *f, const FovItem *item, guint detection, const FovScene *scene, Stage stage)
{
    const FovDetection *d = &scene->detections[detection];
    FovBox box = item->target.track.box;
    double grow = scene->set[FOVEA_BUFFER], height = scene->set[FOVEA_HEIGHT];
    double s = scene->set[FOVEA_GIOU] ? (1 + fov_overlap_giou (box, d->box, grow)) / 2
                                      : fov_overlap_buffered (box, d->box, grow);

    if (s <= 0)
        return 0;
    s *= height == 1 ? fov_overlap_height (box, d->box)
                     : pow (fov_overlap_height (box, d->box), height);
    if (scene->set[FOVEA_MAHALANOBIS] > 0)
        s *= exp (-scene->set[FOVEA_MAHALANOBIS] / 2 * deviation (f, item, d->box));
    double far = fov_ground_distance (&f->ground, &item->ground, d->box);
    if (far >= 0)
        s *= exp (-scene->set[FOVEA_GROUND] * far);
    /* A low score is that of something half hidden, which looks like what hides it. */
    if (stage == STAGE_LOW)
        return s;
    double unlike = fov_looks_distance (f->looks, &item->look, detection);
    if (unlike >= 0)
        s *= fmax (1 - unlike / UNLIKE, LEAST_WORTH);
    return s * d->score;
}

/* Whether nothing in the picture covers much of the detection. */
static gboolean
stands_alone (const FovScene *scene, guint detection)
{
    FovBox box = scene->detections[detection].box;

    for (guint i = 0; i < scene->n; i++)
        if (i != detection && scene->detections[i].score >= (float) scene->set[FOVEA_HIGH] &&
            fov_scene_same_detector (scene, scene->detections[detection].label,
                                     scene->detections[i].label) &&
            fov_tracker_covered (box, scene->detections[i].box) > COVERED_LOOK)
            return FALSE;
    return TRUE;
}

static void
learn_look (Fovea *f, FovItem *item, const FovScene *scene, guint detection)
{
    if (!fov_looks_any (f->looks))
        return;
    if (item->look.stripes.seen == 0 ||
        (item->hidden <= COVERED_LOOK && stands_alone (scene, detection)))
        fovea_learn_look (f, item, scene, detection);
}

static FovBox
blend (FovBox a, FovBox b, float share)
{
    return (FovBox){ a.x1 + share * (b.x1 - a.x1), a.y1 + share * (b.y1 - a.y1),
                     a.x2 + share * (b.x2 - a.x2), a.y2 + share * (b.y2 - a.y2) };
}

static void
correct (Fovea *f, FovItem *item, const FovScene *scene, FovBox box, FovBox raw)
{
    FovKalman *k = &item->target.kalman;
    double z[FOV_KALMAN_N], noise[FOV_KALMAN_N];

    fov_motion_xywh.measure (box, z);
    fov_jitter_noise (&f->jitter, k->x[2], k->x[3], noise);
    for (guint i = 0; i < FOV_KALMAN_N; i++)
        noise[i] *= scene->set[FOVEA_NOISE] * (f->is_refined ? REFINED_NOISE : 1);
    for (guint i = 2; i < 4; i++)
        if (item->hidden > COVERED_CUT && z[i] < CUT * k->x[i])
            noise[i] = INFINITY;
        else if (item->hidden > COVERED_SIZE)
            noise[i] *= COVERED_NOISE;
    if (scene->set[FOVEA_TURNS])
        fov_imm_correct (&item->imm, k, z, noise);
    else
        fov_kalman_correct (k, z, noise);
    item->target.track.whole = fov_motion_xywh.box (k->x);
    for (guint i = 0; i < 2; i++)
        item->size[i] = k->x[2 + i];
    fov_jitter_add (&f->jitter, &item->trail, z, item->misses == 0);
    fov_motion_xywh.measure (raw, z);
    fov_jitter_add (&f->raw_jitter, &item->raw_trail, z, item->misses == 0);
    item->target.track.box =
        blend (fov_motion_xywh.box (k->x), box, (float) fov_jitter_trust (&f->jitter));
}

/* The track is where the detection is. */
static void
take (Fovea *f, const FovScene *scene, FovPair pair)
{
    FovItem *item = fovea_item (f, pair.row);
    FovTarget *t = &item->target;
    const FovDetection *d = &scene->detections[pair.col];

    fov_target_seen (t, scene, pair.col);
    correct (f, item, scene, d->box, f->raw[pair.col].box);
    learn_look (f, item, scene, pair.col);
    fov_ground_correct (&f->ground, &item->ground, d->box);
    item->misses = 0;
    item->detected_pts = scene->pts;
    item->last = d->box;
    item->evidence += d->score * item->since_run / scene->rate;
    if (t->track.state != FOV_TRACK_TENTATIVE || item->evidence >= scene->set[FOVEA_SURE])
        fov_target_confirm (t);
}

static void
pair_up (Fovea *f, FovMatch *match, const FovScene *scene, Stage stage)
{
    guint n, rows = fov_match_n_rows (match), cols = fov_match_n_cols (match);
    double *cost = fov_match_cost (match);

    for (guint i = 0; i < rows; i++) {
        const FovItem *item = fovea_item (f, fov_match_row (match, i));
        for (guint j = 0; j < cols; j++) {
            guint col = fov_match_col (match, j);
            cost[i * cols + j] = same_label (item, &scene->detections[col], scene)
                                     ? 1 - similarity (f, item, col, scene, stage)
                                     : INFINITY;
        }
    }
    double limit = scene->set[stage == STAGE_HIGH ? FOVEA_MATCH : FOVEA_MATCH_LOW];
    const FovPair *pairs = fov_match_solve (match, limit, &n);
    for (guint i = 0; i < n; i++)
        take (f, scene, pairs[i]);
}

/* Whether the track can have come to the detection in the time that it was not seen. */
static gboolean
in_reach (const FovItem *item, const FovScene *scene, FovBox box)
{
    const FovBox places[2] = { item->target.track.box, item->last };
    double h = (box.y2 - box.y1 + item->last.y2 - item->last.y1) / 2;
    double ratio = (box.y2 - box.y1) / (item->last.y2 - item->last.y1);
    double reach = (REACH + REACH_RATE * fovea_unseen (item, scene)) * h;

    if (ratio > SIZE_CHANGE || ratio < 1 / SIZE_CHANGE)
        return FALSE;
    for (guint i = 0; i < 2; i++) {
        double dx = (places[i].x1 + places[i].x2 - box.x1 - box.x2) / 2;
        double dy = 2 * (places[i].y2 - box.y2);
        if (dx * dx + dy * dy <= reach * reach)
            return TRUE;
    }
    return FALSE;
}

/* The track that took the detection just now, if it is young; or NULL. */
static FovItem *
young_owner (Fovea *f, const FovScene *scene, guint detection)
{
    for (guint i = 0; i < f->items->len; i++) {
        FovItem *item = fovea_item (f, i);
        const FovTrack *track = &item->target.track;
        if (track->detection == (int) detection && !item->target.dead)
            return (double) (scene->pts - track->first_pts) / 1e9 <= YOUNG ? item : NULL;
    }
    return NULL;
}

/* Lost tracks against detections that none explains, and those of young tracks: who comes out
 * from behind something is half seen first, and recognised later. */
static void
gather_for_look (Fovea *f, const FovScene *scene)
{
    fov_match_clear_rows (f->low);
    fov_match_clear_cols (f->low);
    for (guint i = 0; i < f->items->len; i++)
        if (fovea_item (f, i)->target.track.state == FOV_TRACK_LOST &&
            fovea_item (f, i)->look.stripes.seen >= FAMILIAR)
            fov_match_add_row (f->low, i);
    for (guint i = 0; i < fov_match_n_cols (f->high); i++)
        fov_match_add_col (f->low, fov_match_col (f->high, i));
    for (guint i = 0; i < f->items->len; i++) {
        int detection = fovea_item (f, i)->target.track.detection;
        if (detection >= 0 && young_owner (f, scene, (guint) detection))
            fov_match_add_col (f->low, (guint) detection);
    }
}

static double
unlikeness (Fovea *f, const FovItem *item, const FovScene *scene, guint detection)
{
    const FovDetection *d = &scene->detections[detection];
    double unlike = -1;

    if (same_label (item, d, scene) && in_reach (item, scene, d->box))
        unlike = fov_looks_distance (f->looks, &item->look, detection);
    return unlike >= 0 ? unlike : INFINITY;
}

/* Lost tracks that a detection in reach looks like begin anew there. */
static void
pair_by_look (Fovea *f, const FovScene *scene)
{
    gather_for_look (f, scene);
    guint n, rows = fov_match_n_rows (f->low), cols = fov_match_n_cols (f->low);
    double *cost = fov_match_cost (f->low);
    for (guint i = 0; i < rows; i++)
        for (guint j = 0; j < cols; j++)
            cost[i * cols + j] = unlikeness (f, fovea_item (f, fov_match_row (f->low, i)), scene,
                                             fov_match_col (f->low, j));
    const FovPair *pairs = fov_match_solve (f->low, scene->set[FOVEA_LOOK], &n);
    for (guint i = 0; i < n; i++) {
        FovItem *young = young_owner (f, scene, pairs[i].col);
        FovTarget *t = &fovea_item (f, pairs[i].row)->target;
        if (young)
            fov_target_kill (&young->target, FOV_TRACK_REASON_DUPLICATE);
        fov_motion_start (&fov_motion_xywh, &t->kalman, scene->detections[pairs[i].col].box);
        take (f, scene, pairs[i]);
        t->track.reason = FOV_TRACK_REASON_APPEARANCE;
    }
    fov_match_clear_cols (f->high);
    for (guint i = 0; i < fov_match_n_cols (f->low); i++)
        if (!young_owner (f, scene, fov_match_col (f->low, i)))
            fov_match_add_col (f->high, fov_match_col (f->low, i));
}

static void
gather_cols (Fovea *f, const FovScene *scene)
{
    fov_match_clear_cols (f->high);
    fov_match_clear_cols (f->low);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score >= (float) scene->set[FOVEA_HIGH])
            fov_match_add_col (f->high, i);
        else if (scene->detections[i].score >= (float) scene->set[FOVEA_LOW])
            fov_match_add_col (f->low, i);
}

static void
gather_rows (Fovea *f, const FovScene *scene, gboolean tentative)
{
    fov_match_clear_rows (f->high);
    for (guint i = 0; i < f->items->len; i++) {
        const FovItem *item = fovea_item (f, i);
        if ((item->target.track.state == FOV_TRACK_TENTATIVE) == tentative &&
            (item->misses < FOVEA_LOOKS || fovea_unseen (item, scene) <= scene->set[FOVEA_MAX_AGE]))
            fov_match_add_row (f->high, i);
    }
}

gboolean
fovea_associate (Fovea *f, const FovScene *scene, GError **error)
{
    gboolean ok = fovea_ask_for_looks (f, scene, error);

    gather_cols (f, scene);
    gather_rows (f, scene, FALSE);
    pair_up (f, f->high, scene, STAGE_HIGH);

    fov_match_clear_rows (f->low);
    for (guint i = 0; i < fov_match_n_rows (f->high); i++)
        if (fovea_item (f, fov_match_row (f->high, i))->misses == 0)
            fov_match_add_row (f->low, fov_match_row (f->high, i));
    pair_up (f, f->low, scene, STAGE_LOW);

    if (fov_looks_any (f->looks) && scene->set[FOVEA_LOOK] > 0)
        pair_by_look (f, scene);
    gather_rows (f, scene, TRUE);
    pair_up (f, f->high, scene, STAGE_HIGH);
    return ok;
}
