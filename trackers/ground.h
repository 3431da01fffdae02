/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_GROUND_H
#define FOV_TRACKERS_GROUND_H

#include <fovea/tracker.h>

/**
 * The plane that objects stand on, as a camera sees it (Yi et al. 2024,
 * UCMCTrack): boxes' feet become places in metres with an uncertainty that
 * follows from the picture's.
 */
typedef struct {
    gboolean known;      /**< FALSE: no camera was given */
    double to_ground[9]; /**< from u, v, 1 to X, Y, 1 over the depth */
} FovGround;

/** Place and velocity of one object on the ground, metres and seconds. */
typedef struct {
    gboolean known;
    double x[4]; /**< X, Y and their velocities */
    double p[4][4];
} FovGroundState;

/** Whether the camera's projection can be undone on the ground; else FOV_ERROR_ARGUMENT. */
gboolean fov_ground_sees (const FovGroundCamera *camera, GError **error);
/** camera: one that sees the ground, or NULL. */
void fov_ground_init (FovGround *ground, const FovGroundCamera *camera);
void fov_ground_start (const FovGround *ground, FovGroundState *state, FovBox box);
void fov_ground_predict (FovGroundState *state, double seconds);
void fov_ground_correct (const FovGround *ground, FovGroundState *state, FovBox box);
/** Squared Mahalanobis distance of the box's feet from where they are expected; -1: not known. */
double fov_ground_distance (const FovGround *ground, const FovGroundState *state, FovBox box);

#endif
