/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_VIEW_H
#define FOV_TRACKERS_VIEW_H

#include <fovea/image.h>

/**
 * A picture reduced to at most 480 pixels of width, for what is about the whole
 * of it: read once, when it is first asked for, however many ask.
 */
typedef struct _FovView FovView;

/** A reduced picture: planes R, G and B, 0..1, valid until the next one is shown. */
typedef struct {
    const float *rgb;
    int width, height;
    float step; /**< pixels of the picture for one of these */
} FovReduced;

FovView *fov_view_new (void);
void fov_view_free (FovView *view);
/** The next picture, borrowed until the one after it. NULL: there is none. */
void fov_view_show (FovView *view, const FovImage *image);
/** The picture's reduced pixels, or NULL where there is no picture. */
const FovReduced *fov_view_reduced (FovView *view);

#endif
