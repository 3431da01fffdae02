/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_IMM_H
#define FOV_TRACKERS_IMM_H

#include "trackers/kalman.h"

#define FOV_IMM_MODES 2

/**
 * Interacting multiple models (Blom and Bar-Shalom 1988): a calm filter and one
 * whose velocities may jump run beside each other and are mixed by how probable
 * each is. Used on top of a FovKalman that others read, warp and correct as
 * well: what they changed both modes begin anew from. Plain values.
 */
typedef struct {
    FovKalman mode[FOV_IMM_MODES];
    FovKalman mixed;         /**< as it was last put out */
    double p[FOV_IMM_MODES]; /**< of the calm one, of the other; 1 together */
} FovImm;

/** As fov_kalman_predict, and fov_kalman_correct, with k in and out. imm: all zero before. */
void fov_imm_predict (FovImm *imm, FovKalman *k, double dt, const double noise[FOV_KALMAN_STATE]);
void fov_imm_correct (FovImm *imm, FovKalman *k, const double z[FOV_KALMAN_N],
                      const double noise[FOV_KALMAN_N]);

#endif
