/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_VISION_SIMILARITY_H
#define FOV_VISION_SIMILARITY_H

#include <glib.h>

/** A place of the last picture and where it is now, pixels. */
typedef struct {
    float x, y, to_x, to_y;
    float weight; /**< in the fit to those that agree, more than 0 */
} FovFlow;

/**
 * The similarity (turn, scale, shift) that most flows agree on within tolerance
 * pixels: RANSAC (Fischler and Bolles 1981) over pairs of flows, the same
 * candidates on every run, then weighted least squares over those that agree. FALSE where
 * fewer than half, or fewer than 8, agree: the flows are no camera's. The flows
 * are put in another order.
 */
gboolean fov_similarity_fit (FovFlow *flows, guint n, double tolerance, double m[6]);

#endif
