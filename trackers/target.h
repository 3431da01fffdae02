/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_TARGET_H
#define FOV_TRACKERS_TARGET_H

#include "trackers/match.h"
#include "trackers/motion.h"
#include "trackers/tracker-private.h"

/** What every tracker that stands on a Kalman filter keeps about one object. */
typedef struct {
    FovTrack track; /**< as it will be reported */
    FovKalman kalman;
    guint hits;          /**< detections taken in, the first one not counted */
    guint streak;        /**< of them without a gap */
    double unseen_for;   /**< nominal pictures that the detector missed it; 0: none */
    gboolean looked;     /**< its detector looked at this picture */
    double unlooked_for; /**< nominal pictures that the detector did not look for it; 0: it did */
    gboolean doubted;    /**< for so long that nobody can say that it is still there */
    gboolean dead;       /**< to be swept after its last report */
} FovTarget;

/** A new track from a detection: tentative, with an id of its own. */
void fov_target_bear (FovTarget *target, const FovMotion *motion, const FovScene *scene,
                      guint detection, guint64 *next_id);
/** One picture on, not seen so far: books the time. The filter is the caller's. */
void fov_target_step (FovTarget *target, const FovScene *scene);
/** The filter one picture on, its box into the track. */
void fov_target_predict (FovTarget *target, const FovMotion *motion, const FovScene *scene);
/** Corrects the filter with the detection's box, the filter's box into the track. */
void fov_target_correct (FovTarget *target, const FovMotion *motion, const FovScene *scene,
                         guint detection);
/** Books the detection on the track (score, times, counts); the filter is the caller's. */
void fov_target_seen (FovTarget *target, const FovScene *scene, guint detection);
/** Confirmed, or recovered where it had been unseen; with the reason. */
void fov_target_confirm (FovTarget *target);
/** Unseen in this picture, and nothing is known about why. */
void fov_target_miss (FovTarget *target);
/**
 * Not looked for in this picture: after max_age nominal pictures, a second at least, it is reported
 * as lost until its detector looks again. Pairing makes no difference of that.
 */
void fov_target_doubt (FovTarget *target, const FovScene *scene, double max_age);
/**
 * SORT's verdict after a picture: given up when unseen for more than max_age nominal pictures,
 * shown (again) only after min_hits detections in a row, or among the first min_hits pictures;
 * doubted where nobody looked.
 */
void fov_target_judge (FovTarget *target, const FovScene *scene, double max_age, double min_hits);
/** Gives it up: reported once more, then swept. */
void fov_target_kill (FovTarget *target, FovTrackReason reason);

/** What trackers of SORT's kind stand on: their targets and one stage of pairing. */
typedef struct {
    GArray *items; /**< structs that begin with a FovTarget */
    FovMatch *match;
} FovTargetSet;

void fov_target_set_init (FovTargetSet *set, gsize item_size);
void fov_target_set_clear (FovTargetSet *set);
/** A stage of all targets against all detections above score. */
void fov_target_set_gather (FovTargetSet *set, const FovScene *scene, double score);

/**
 * Reports all targets, whose structs of size bytes begin with a FovTarget, and
 * sweeps the dead out of the array. ticks: units of the filters' time per second.
 */
void fov_targets_report (GArray *targets, const FovScene *scene, double ticks, GArray *tracks);

#endif
