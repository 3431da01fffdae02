/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trackers/target.h"

#include <math.h>
#include <string.h>

void
fov_target_bear (FovTarget *target, const FovMotion *motion, const FovScene *scene, guint detection,
                 guint64 *next_id)
{
    const FovDetection *d = &scene->detections[detection];

    target->track = (FovTrack){ .id = (*next_id)++,
                                .box = d->box,
                                .score = d->score,
                                .label = d->label,
                                .state = FOV_TRACK_TENTATIVE,
                                .reason = FOV_TRACK_REASON_NEW,
                                .visibility = 1,
                                .detection = (int) detection,
                                .age = 1,
                                .first_pts = scene->pts,
                                .seen_pts = scene->pts };
    target->hits = target->streak = 0;
    target->unseen_for = 0;
    target->looked = TRUE;
    target->unlooked_for = 0;
    target->doubted = target->dead = FALSE;
    fov_motion_start (motion, &target->kalman, d->box);
}

void
fov_target_step (FovTarget *target, const FovScene *scene)
{
    target->track.detection = -1;
    target->track.reason = FOV_TRACK_REASON_NONE;
    target->track.whole = (FovBox){ 0 };
    target->track.age++;
    target->track.unseen++;
    if (target->track.state == FOV_TRACK_RECOVERED)
        target->track.state = FOV_TRACK_CONFIRMED;
    if (target->looked)
        target->doubted = FALSE;
    target->looked = fov_scene_looked (scene, target->track.label);
    target->unlooked_for = target->looked ? 0 : target->unlooked_for + scene->dt;
    if (!target->looked)
        return;
    if (target->unseen_for > 0)
        target->streak = 0;
    target->unseen_for += scene->dt;
}

void
fov_target_predict (FovTarget *target, const FovMotion *motion, const FovScene *scene)
{
    fov_motion_predict (motion, &target->kalman, scene->dt);
    target->track.box = fov_motion_box (motion, &target->kalman);
}

void
fov_target_correct (FovTarget *target, const FovMotion *motion, const FovScene *scene,
                    guint detection)
{
    fov_motion_correct (motion, &target->kalman, scene->detections[detection].box,
                        FOV_MEASURED_DETECTOR, 1, FALSE);
    target->track.box = fov_motion_box (motion, &target->kalman);
}

void
fov_target_seen (FovTarget *target, const FovScene *scene, guint detection)
{
    const FovDetection *d = &scene->detections[detection];

    target->track.score = d->score;
    target->track.label = d->label;
    target->track.detection = (int) detection;
    target->track.seen_pts = scene->pts;
    target->track.unseen = 0;
    target->unseen_for = 0;
    target->hits++;
    target->streak++;
}

void
fov_target_confirm (FovTarget *target)
{
    FovTrack *track = &target->track;

    switch (track->state) {
    case FOV_TRACK_TENTATIVE:
        track->reason = FOV_TRACK_REASON_CONFIRMED;
        track->state = FOV_TRACK_CONFIRMED;
        break;
    case FOV_TRACK_LOST:
    case FOV_TRACK_OCCLUDED:
        track->reason = FOV_TRACK_REASON_MOTION;
        track->state = FOV_TRACK_RECOVERED;
        break;
    default:
        track->state = target->doubted ? FOV_TRACK_RECOVERED : FOV_TRACK_CONFIRMED;
        if (target->doubted)
            track->reason = FOV_TRACK_REASON_MOTION;
    }
}

void
fov_target_miss (FovTarget *target)
{
    if (target->track.state != FOV_TRACK_LOST && !target->doubted)
        target->track.reason = FOV_TRACK_REASON_MISSED;
    target->track.state = FOV_TRACK_LOST;
}

void
fov_target_doubt (FovTarget *target, const FovScene *scene, double max_age)
{
    const FovTrackState state = target->track.state;

    if (target->doubted || state == FOV_TRACK_TENTATIVE || state == FOV_TRACK_LOST ||
        target->unlooked_for <= fmax (max_age, scene->rate))
        return;
    target->doubted = TRUE;
    target->track.reason = FOV_TRACK_REASON_MISSED;
}

void
fov_target_judge (FovTarget *target, const FovScene *scene, double max_age, double min_hits)
{
    if (!target->looked)
        fov_target_doubt (target, scene, max_age);
    else if (target->unseen_for > max_age)
        fov_target_kill (target, target->hits < min_hits ? FOV_TRACK_REASON_NEVER_SURE
                                                         : FOV_TRACK_REASON_TIMEOUT);
    else if (target->unseen_for > 0)
        fov_target_miss (target);
    else if (target->streak >= min_hits || scene->number <= min_hits)
        fov_target_confirm (target);
    else if (target->track.state == FOV_TRACK_LOST)
        target->track.state = FOV_TRACK_TENTATIVE;
}

void
fov_target_set_init (FovTargetSet *set, gsize item_size)
{
    set->items = g_array_new (FALSE, FALSE, (guint) item_size);
    set->match = fov_match_new ();
}

void
fov_target_set_clear (FovTargetSet *set)
{
    g_array_unref (set->items);
    fov_match_free (set->match);
}

void
fov_target_set_gather (FovTargetSet *set, const FovScene *scene, double score)
{
    fov_match_clear_rows (set->match);
    fov_match_clear_cols (set->match);
    for (guint i = 0; i < set->items->len; i++)
        fov_match_add_row (set->match, i);
    for (guint i = 0; i < scene->n; i++)
        if (scene->detections[i].score > (float) score)
            fov_match_add_col (set->match, i);
}

void
fov_target_kill (FovTarget *target, FovTrackReason reason)
{
    target->track.state = FOV_TRACK_REMOVED;
    target->track.reason = reason;
    target->track.detection = -1; /* which may be the survivor's */
    target->dead = TRUE;
}

/* A filter run away for long must not break what reads its box. */
static FovBox
reportable (FovBox box, FovBox fallback)
{
    const float far = 1e7f;

    if (!(fabsf (box.x1) < far && fabsf (box.y1) < far && fabsf (box.x2) < far &&
          fabsf (box.y2) < far))
        return fallback;
    box.x2 = fmaxf (box.x1, box.x2);
    box.y2 = fmaxf (box.y1, box.y2);
    return box;
}

void
fov_targets_report (GArray *targets, const FovScene *scene, double ticks, GArray *tracks)
{
    gsize size = g_array_get_element_size (targets);
    guint kept = 0;

    for (guint i = 0; i < targets->len; i++) {
        FovTarget *target = (FovTarget *) (gpointer) (targets->data + i * size);
        FovTrack *track = &target->track;
        track->box = reportable (track->box, (FovBox){ 0, 0, 0, 0 });
        track->whole = reportable (track->whole, track->box);
        track->velocity_x = (float) (target->kalman.x[4] * ticks);
        track->velocity_y = (float) (target->kalman.x[5] * ticks);
        g_array_append_val (tracks, *track);
        if (target->doubted && !target->looked)
            g_array_index (tracks, FovTrack, tracks->len - 1).state = FOV_TRACK_LOST;
        if (target->dead)
            continue;
        if (kept != i)
            memcpy (targets->data + kept * size, target, size);
        kept++;
    }
    g_array_set_size (targets, kept);
}
