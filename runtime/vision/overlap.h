/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_VISION_OVERLAP_H
#define FOVEA_VISION_OVERLAP_H

/*
 * Areas in double, for the evaluators: a rounded IoU would fall on the other
 * side of a threshold.
 */
#include <fovea/box.h>

#include <math.h>

/* 0 for a box that is empty, inverted or not finite. */
static inline double
fov_exact_area (FovBox b)
{
    double w = (double) b.x2 - b.x1, h = (double) b.y2 - b.y1;
    return w > 0 && h > 0 && isfinite (w) && isfinite (h) ? w * h : 0.0;
}

/* The area that two boxes share; both must have an area. */
static inline double
fov_exact_intersection (FovBox a, FovBox b)
{
    double w = (double) MIN (a.x2, b.x2) - MAX (a.x1, b.x1);
    double h = (double) MIN (a.y2, b.y2) - MAX (a.y1, b.y1);
    return w > 0 && h > 0 ? w * h : 0.0;
}

#endif
