/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRAIN_WARP_H
#define FOV_TRAIN_WARP_H

/*
 * Plane projective maps, row by row: x' = (m0 x + m1 y + m2) / w, y' = (m3 x + m4 y
 * + m5) / w, w = m6 x + m7 y + m8; and what becomes of points and boxes under them.
 */
#include <fovea/box.h>

typedef struct {
    double m[9];
} FovWarp;

FovWarp fov_warp_scale_shift (double sx, double sy, double dx, double dy);
/** First b, then a. */
FovWarp fov_warp_after (FovWarp a, FovWarp b);
/** FALSE where there is none. */
gboolean fov_warp_inverse (const FovWarp *warp, FovWarp *inverse);
/** FALSE where the point is behind the horizon. */
gboolean fov_warp_point (const FovWarp *warp, double x, double y, double *to_x, double *to_y);

/** Whether it turns what is left to the right, as a mirror does. */
gboolean fov_warp_mirrors (const FovWarp *warp);

/**
 * The hull of what shows of box: its part inside region is mapped, and cut to
 * width x height. visible becomes the share of the box that shows, 0..1. FALSE where
 * nothing does.
 */
gboolean fov_warp_box (const FovWarp *warp, FovBox box, FovBox region, int width, int height,
                       FovBox *to, double *visible);

#endif
