/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_DRAW_H
#define FOVEA_TOOLS_DRAW_H

#include <fovea/labels.h>
#include <fovea/overlay.h>

/** Draws FovDetections with their classes' names. */
gboolean draw_detections (FovOverlay *overlay, FovImage *image, const GArray *detections,
                          FovLabels *labels, GError **error);

#endif
