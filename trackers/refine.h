/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_REFINE_H
#define FOV_TRACKERS_REFINE_H

#include "trackers/backdrop.h"
#include "trackers/jitter.h"
#include "trackers/tracker-private.h"

/**
 * Detections' boxes made better from the pictures of a camera at rest, which may sway: drawn
 * towards the extent of what stands out from the backdrop, the further the more
 * the detector's own boxes tremble. How the two differ on average is learnt,
 * and taken off where an extent can not be measured: a detector that draws all
 * boxes too wide is found out without knowing any truth.
 */
typedef struct _FovRefine FovRefine;

FovRefine *fov_refine_new (void);
void fov_refine_free (FovRefine *refine);
void fov_refine_reset (FovRefine *refine);

/**
 * Takes in the scene's picture and returns the scene with better boxes, valid
 * until the next call; the scene itself where nothing is to be made better.
 * expected: n boxes where objects are, detected or not. least: detections of a
 * lower score are not touched. jitter: of the detector's own boxes.
 */
const FovScene *fov_refine_scene (FovRefine *refine, const FovScene *scene, const FovBox *expected,
                                  guint n, double least, const FovJitter *jitter);

/** What the camera sees behind the objects. */
FovBackdrop *fov_refine_backdrop (const FovRefine *refine);

#endif
