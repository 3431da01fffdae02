/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_MOTION_H
#define FOV_TRACKERS_MOTION_H

#include <fovea/box.h>

#include "trackers/kalman.h"

/**
 * What a Kalman filter's coordinates mean and how noisy they are: one for each
 * published tracker. Time is counted in pictures of the nominal rate.
 */
typedef struct _FovMotion FovMotion;
struct _FovMotion {
    void (*measure) (FovBox box, double z[FOV_KALMAN_N]);
    FovBox (*box) (const double x[FOV_KALMAN_STATE]);
    /** Variances: at birth from the first measurement, of one picture's drift, of a detection. */
    void (*birth) (const double z[FOV_KALMAN_N], double variance[FOV_KALMAN_STATE]);
    void (*drift) (const double x[FOV_KALMAN_STATE], double variance[FOV_KALMAN_STATE]);
    void (*noise) (const double x[FOV_KALMAN_STATE], double variance[FOV_KALMAN_N]);
    gboolean coupled; /**< the last two coordinates turn with the camera as x and y do */
};

/** Centre, area, aspect; fixed noise, no velocity of the aspect (SORT, Bewley et al. 2016). */
extern const FovMotion fov_motion_sort;
/** Centre, aspect, height; noise grows with the height (DeepSORT, Wojke et al. 2017). */
extern const FovMotion fov_motion_xyah;
/** Centre, width, height; noise grows with each (BoT-SORT, Aharon et al. 2022). */
extern const FovMotion fov_motion_xywh;

/** Where a measurement comes from: how much noisier than a detection it is. */
typedef enum { FOV_MEASURED_DETECTOR, FOV_MEASURED_VISUAL } FovMeasured;

void fov_motion_start (const FovMotion *motion, FovKalman *k, FovBox box);
void fov_motion_predict (const FovMotion *motion, FovKalman *k, double dt);
/**
 * Corrects with a box; scale multiplies the variances (1: as published).
 * keep_size: only the centre is measured, the size is left as it was.
 */
void fov_motion_correct (const FovMotion *motion, FovKalman *k, FovBox box, FovMeasured from,
                         double scale, gboolean keep_size);
/** The box at the filter's state; may be empty where the size went below zero. */
FovBox fov_motion_box (const FovMotion *motion, const FovKalman *k);
void fov_motion_warp (const FovMotion *motion, FovKalman *k, const double m[6]);

#endif
