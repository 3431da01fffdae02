/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_CAMERA_H
#define FOV_TRACKERS_CAMERA_H

#include <fovea/box.h>

#include "vision/similarity.h"
#include "trackers/view.h"

/**
 * How the camera moved from one picture to the next, from the pictures alone:
 * corners (Shi and Tomasi 1994) outside of the objects are followed by pyramidal
 * optical flow (Bouguet 2001) in a reduced grey picture, and a similarity is
 * fitted to them. The same pictures give the same motion, bit for bit.
 */
typedef struct _FovCamera FovCamera;

FovCamera *fov_camera_new (void);
void fov_camera_free (FovCamera *camera);
/** Forgets the last picture. */
void fov_camera_reset (FovCamera *camera);

/**
 * Takes in the next picture. TRUE: it moved against the last one by m (pixels,
 * as fov_tracker_set_camera_motion has it). FALSE: it is at rest, the first, of
 * another size, or no motion fits. objects: n boxes of things that move by
 * themselves, in this picture.
 */
gboolean fov_camera_next (FovCamera *camera, const FovReduced *picture, const FovDetection *objects,
                          guint n, double m[6]);

#endif
