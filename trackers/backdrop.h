/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_BACKDROP_H
#define FOV_TRACKERS_BACKDROP_H

#include <fovea/box.h>

#include "trackers/view.h"

/**
 * What a camera at rest sees behind its objects: a running mean of each pixel of
 * the reduced picture (Wren et al. 1997, Pfinder, without its covariances),
 * learnt only where no object is known to be. A camera that sways by a few of
 * them is found where it is (align.h), and the picture is seen from where it was
 * at first. A pan or a light that is switched changes what lies between the
 * objects; then it is forgotten. What stands out differs by more than the
 * pictures' own noise, which is measured.
 */
typedef struct _FovBackdrop FovBackdrop;

FovBackdrop *fov_backdrop_new (void);
void fov_backdrop_free (FovBackdrop *backdrop);
void fov_backdrop_reset (FovBackdrop *backdrop);

/**
 * The next picture and the n boxes, in pixels, where objects may be. move: a
 * guess of how the scene moved in the picture since the last one, pixels.
 */
void fov_backdrop_next (FovBackdrop *backdrop, const FovReduced *picture, const float move[2],
                        const FovBox *objects, guint n);

/**
 * The n boxes of objects that extents are measured next to, until the next
 * picture. What several cover is an object's own as long as no more than most do.
 */
void fov_backdrop_cover (FovBackdrop *backdrop, const FovBox *boxes, guint n, guint most);

/** What stands out from the backdrop in and next to a box. */
typedef struct {
    FovBox box;   /**< its extent; the outermost few per cent on each side are left out */
    double free;  /**< share of the box's pixels that are not another object's, 0..1 */
    double share; /**< share of those that stand out, 0..1 */
} FovExtent;

/**
 * Measures what stands out in and next to a box, but for what the boxes of
 * fov_backdrop_cover cover. own: the box is one of them, and what is in it may be
 * covered by up to most. FALSE where the backdrop there is not known, or too
 * little stands out. Takes time of the box's width and height, not its area.
 */
gboolean fov_backdrop_extent (const FovBackdrop *backdrop, FovBox box, gboolean own,
                              FovExtent *extent);

/**
 * Whether what lies at each of columns x rows places of a box stands out: 1 or 0.
 * FALSE, and 1 everywhere, where the backdrop is not known or too little stands out.
 */
gboolean fov_backdrop_sample (const FovBackdrop *backdrop, FovBox box, int columns, int rows,
                              float *out);

#endif
