/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_PEAK_H
#define FOV_TRACKERS_PEAK_H

#include <glib.h>

/* What a response's highest peak looks like. Displacements in cells, -n/2..n/2. */
typedef struct {
    float x, y;               /* displacement of the peak */
    float height;             /* response there */
    float psr, apce;          /* as in FovVisualFound */
    float second;             /* highest response outside of the peak's own surroundings */
    float second_x, second_y; /* displacement of that */
} FovPeak;

/*
 * plane: n x n responses, the one without displacement first, going round.
 * near_x, near_y: half size in cells of what belongs to the peak itself.
 */
void fov_peak_find (const float *plane, int n, float near_x, float near_y, FovPeak *peak);

/*
 * Moves the peak to the maximum of the response's Fourier interpolation by
 * Newton's method (as Danelljan et al., "Beyond correlation filters", 2016, section 3.4);
 * spectrum: as fov_fourier_forward stores it, of the same response.
 */
void fov_peak_refine (const float *spectrum, int n, FovPeak *peak);

#endif
