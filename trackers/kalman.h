/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_KALMAN_H
#define FOV_TRACKERS_KALMAN_H

#include <glib.h>

/** Coordinates measured: two of position, two of size; each has a velocity. */
#define FOV_KALMAN_N 4
#define FOV_KALMAN_STATE (2 * FOV_KALMAN_N)

/**
 * A constant-velocity Kalman filter (Kalman 1960) over four coordinates: x[0..3]
 * are those, x[4..7] their velocities per unit of time; p is the covariance.
 * Plain values: copying one is a snapshot. What the coordinates mean and how
 * large the noise is belongs to the user (motion.h).
 */
typedef struct {
    double x[FOV_KALMAN_STATE];
    double p[FOV_KALMAN_STATE][FOV_KALMAN_STATE];
} FovKalman;

/** Starts at z, at rest; variance of each of the 8 states. */
void fov_kalman_init (FovKalman *k, const double z[FOV_KALMAN_N],
                      const double variance[FOV_KALMAN_STATE]);

/** dt units of time on, any positive number; noise: variance gained, already for dt. */
void fov_kalman_predict (FovKalman *k, double dt, const double noise[FOV_KALMAN_STATE]);

/**
 * Takes in a measurement with the variances noise, each > 0; a coordinate whose
 * variance is INFINITY is not measured. Joseph's form (Bucy and Joseph 1968), so
 * that p stays positive definite under rounding.
 */
void fov_kalman_correct (FovKalman *k, const double z[FOV_KALMAN_N],
                         const double noise[FOV_KALMAN_N]);

/**
 * Squared Mahalanobis distance of z from what is expected; over the first n
 * coordinates (2: position alone, 4: all). log_det, if not NULL: the log
 * determinant of the innovation's covariance.
 */
double fov_kalman_distance (const FovKalman *k, const double z[FOV_KALMAN_N],
                            const double noise[FOV_KALMAN_N], guint n, double *log_det);

/**
 * Where the first two coordinates are x, y: applies the camera's motion
 * (x' = m[0] x + m[1] y + m[2], y' = m[3] x + m[4] y + m[5]) to position, velocity
 * and their covariance; coupled: the last two, a width and a height, as well.
 */
void fov_kalman_warp (FovKalman *k, const double m[6], gboolean coupled);

#endif
