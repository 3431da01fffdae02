/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_FLOW_H
#define FOV_TRACKERS_FLOW_H

#include <glib.h>

#define FOV_FLOW_LEVELS 4

/** A grey picture, 0..255, and its halves; a value whose memory grows and is reused. */
typedef struct {
    int width, height; /**< of level 0 */
    float *level[FOV_FLOW_LEVELS];
    gsize capacity;
} FovPyramid;

void fov_pyramid_size (FovPyramid *pyramid, int width, int height);
/** Fills the upper levels from level 0. */
void fov_pyramid_build (FovPyramid *pyramid);
void fov_pyramid_clear (FovPyramid *pyramid);

/** About the best corner of a cell (its lower eigenvalue is the largest), or FALSE if it is no
 * corner. */
gboolean fov_flow_corner (const FovPyramid *pyramid, int x, int y, int side, float *corner_x,
                          float *corner_y);
/** Follows a place from one picture to the next, from a first guess in to; FALSE: lost. */
gboolean fov_flow_follow (const FovPyramid *from, const FovPyramid *to, float x, float y,
                          float *to_x, float *to_y);

#endif
