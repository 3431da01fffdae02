/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "draw.h"

#include "model-options.h"

gboolean
draw_detections (FovOverlay *overlay, FovImage *image, const GArray *detections, FovLabels *labels,
                 GError **error)
{
    g_autofree FovOverlayItem *items = g_new0 (FovOverlayItem, detections->len + 1);
    g_autofree char *names = g_malloc (32 * ((gsize) detections->len + 1));

    for (guint i = 0; i < detections->len; i++) {
        const FovDetection *d = &g_array_index (detections, FovDetection, i);
        items[i] = (FovOverlayItem){ .box = d->box,
                                     .label = class_name (labels, d->label, names + 32 * i),
                                     .score = d->score,
                                     .class_id = MAX (d->label, 0),
                                     .id = -1 };
    }
    return fov_overlay_draw (overlay, image, items, detections->len, error);
}
