/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_DETECT_DFL_H
#define FOV_DETECT_DFL_H

/* Distances as distributions over bins (Li et al., Generalized Focal Loss, 2020). */
#include "detect/family.h"

/**
 * Class scores and distances in an output each for every level (matrices of cells x
 * numbers, or planes), in any order and under any name; they are told apart by
 * shape: 4 * n_bins numbers are distances. TRUE: inputs, levels and fields are set.
 */
gboolean fov_match_split_dfl (const FovNet *net, FovMatch *match, int n_bins);

#endif
