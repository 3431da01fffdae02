/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_JITTER_H
#define FOV_TRACKERS_JITTER_H

#include "trackers/kalman.h"

/**
 * How much a detector's boxes tremble, learnt while it runs: the variance of
 * centre and size over the object's size (widths for x and width, heights for y
 * and height), from second differences of three detections in a row, which an
 * even motion does not change. A trembling camera counts as the detector's.
 */
typedef struct {
    double variance[FOV_KALMAN_N];
    double weight; /**< detections behind it */
} FovJitter;

/** The last two measurements of one object. */
typedef struct {
    double z[2][FOV_KALMAN_N]; /**< the last, the one before; as fov_motion_xywh has them */
    guint n;                   /**< how many in a row */
} FovJitterTrail;

/** Before anything is known: a detector that trembles a lot. */
void fov_jitter_init (FovJitter *jitter);
/** Takes in an object's next detection; in_row: it was seen in the picture before as well. */
void fov_jitter_add (FovJitter *jitter, FovJitterTrail *trail, const double z[FOV_KALMAN_N],
                     gboolean in_row);
/** Variances of a measurement of an object of this width and height. */
void fov_jitter_noise (const FovJitter *jitter, double width, double height,
                       double noise[FOV_KALMAN_N]);
/**
 * How far to report the detection itself and not the filter's box, 0..1: a steady
 * detector knows better than the filter, which lags; a trembling one does not.
 */
double fov_jitter_trust (const FovJitter *jitter);

#endif
