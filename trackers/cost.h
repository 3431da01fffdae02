/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_COST_H
#define FOV_TRACKERS_COST_H

#include "trackers/match.h"
#include "trackers/tracker-private.h"

/**
 * Fills cost (rows x columns of match) with -IoU of the targets' boxes at hand and
 * the detections'. targets: structs that begin with a FovTarget.
 */
void fov_cost_iou (const FovMatch *match, GArray *targets, const FovScene *scene, double *cost);
/** Makes pairs of what different detectors found impossible. */
void fov_cost_same_detector (const FovMatch *match, GArray *targets, const FovScene *scene,
                             double *cost);
/** Makes pairs of different labels impossible. */
void fov_cost_same_label (const FovMatch *match, GArray *targets, const FovScene *scene,
                          double *cost);

/** IoU of the boxes grown by ratio of their size on each side (Yang et al. 2023, C-BIoU). */
double fov_overlap_buffered (FovBox a, FovBox b, double ratio);
/** The same, -1..1: below 0 with the empty part of their hull (Rezatofighi et al. 2019). */
double fov_overlap_giou (FovBox a, FovBox b, double ratio);
/** Overlap of the vertical extents alone, 0..1 (Yang et al. 2024, Hybrid-SORT). */
double fov_overlap_height (FovBox a, FovBox b);

#endif
