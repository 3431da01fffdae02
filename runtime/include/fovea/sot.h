/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_SOT_H
#define FOVEA_SOT_H

#include <fovea/error.h>

G_BEGIN_DECLS

/**
 * How well one object is followed from its box in the first picture: one-pass
 * evaluation (Wu, Lim and Yang, CVPR 2013). Stateless; thread safe.
 */

/** A box as the data sets write it; NAN where the object is not to be seen. */
typedef struct {
    double x, y; /**< the top left corner, pixels; counted from 1 in most data sets */
    double width, height;
} FovSotBox;

/** Shares in percent, over the frames with a truth; 0 where there are none. */
typedef struct {
    double auc;       /**< mean share of IoU > t, t = 0, 0.05, .. 1: the success curve's area */
    double precision; /**< centres at most 20 pixels apart */
    double norm_precision; /**< centres at most 0.2 apart, in widths and heights of the truth */
    double success;        /**< IoU > 0.5 */
    guint n_frames;
} FovSotScores;

/**
 * Scores results against truths, frame by frame, over the first n of both.
 * Frames whose truth is not finite or empty are passed over; a result that is
 * not finite is a miss.
 */
FOV_API void fov_sot_score (const FovSotBox *truths, const FovSotBox *results, guint n,
                            FovSotScores *scores);

/**
 * Reads a row a frame: x, y, width, height, separated by commas or white
 * space; "nan" is understood. GArray of FovSotBox. FOV_ERROR_IO; FOV_ERROR_FORMAT
 * with file, line and column; FOV_ERROR_MEMORY beyond 4,000,000 rows.
 */
FOV_API GArray *fov_sot_file_read (const char *path, GError **error);

/** Writes such rows. The file appears whole or not at all. */
FOV_API gboolean fov_sot_file_write (const char *path, const GArray *boxes, GError **error);

G_END_DECLS

#endif
