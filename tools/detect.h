/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_DETECT_H
#define FOVEA_TOOLS_DETECT_H

#include "model-options.h"
#include "tracking.h"

G_BEGIN_DECLS

typedef struct {
    ModelOptions model;
    char *output, *json;
    int every, max_frames; /* max_frames 0: all */
    gboolean no_labels, quiet;
    const TrackOptions *track; /* NULL: objects are found in each picture anew */
} DetectOptions;

/** Runs the detector over all inputs. After an interrupt it returns TRUE with all files complete.
 */
gboolean detect_run (const DetectOptions *options, char **inputs, GError **error);

/** Follows what is in box (pixels) in the first picture through one input, without a detector. */
gboolean follow_run (const DetectOptions *options, const char *input, FovBox box, GError **error);

G_END_DECLS

#endif
