/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_LOAD_H
#define GST_FOVEA_LOAD_H

#include <fovea/detector.h>

G_BEGIN_DECLS

/** What foveadetect's detector is made of; zero is each property's default. */
typedef struct {
    char *model, *device, *decoder;
    char *labels, *labels_file;
    char *color_order, *fit, *mean, *scale;
    float threshold, iou_threshold; /**< 0..1, literally */
    guint max_detections, batch;
} GstFoveaDetectSettings;

void gst_fovea_detect_settings_copy (GstFoveaDetectSettings *dst,
                                     const GstFoveaDetectSettings *src);
void gst_fovea_detect_settings_clear (GstFoveaDetectSettings *settings);

/**
 * Loads the model and plans it. device, where not NULL, is used instead of
 * opening one. Blocks. The error says which property it is about.
 */
FovDetector *gst_fovea_detect_load (const GstFoveaDetectSettings *settings, FovDevice *device,
                                    GError **error);

G_END_DECLS

#endif
