/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_TRACKERS_ALIGN_H
#define FOV_TRACKERS_ALIGN_H

#include <glib.h>

/**
 * The shift at which a picture fits a template best: Gauss-Newton on their
 * difference with the template's gradients (Lucas and Kanade 1981; Baker and
 * Matthews 2004, inverse composition), large differences clipped. Both have three
 * planes of width x height, 0..1; pixel (x, y) of the template is looked for at
 * (x, y) + shift. use: not 0 where the template may be compared. shift: a first
 * guess, and the answer. FALSE, and the guess stays: no texture, too little to
 * compare, or no convergence.
 */
gboolean fov_align (const float *template, const float *picture, const guint8 *use, int width,
                    int height, float shift[2]);

/** A picture moved by -shift, bilinear; what lies outside of it is its nearest pixel. */
void fov_align_move (const float *picture, int width, int height, const float shift[2],
                     float *moved);

#endif
