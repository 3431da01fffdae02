/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_DETECT_H
#define GST_FOVEA_DETECT_H

#include "gstfoveafilter.h"
#include "gstfoveaload.h"

G_BEGIN_DECLS

typedef enum { GST_FOVEA_REGION_FULL_FRAME, GST_FOVEA_REGION_ROI_LIST } GstFoveaRegion;

G_DECLARE_FINAL_TYPE (GstFoveaDetect, gst_fovea_detect, GST, FOVEA_DETECT, GstFoveaFilter)

/** foveadetect. Everything below the parent is under lock. */
struct _GstFoveaDetect {
    GstFoveaFilter parent;
    GMutex lock;
    GstFoveaDetectSettings settings;
    GstFoveaDetectSettings used; /**< what the newest detector that did load is made of */
    guint interval;
    GstFoveaRegion region;
    char *object_class, *instance;

    gboolean running;
    FovDetector *detector; /**< in use */
    guint batch;           /**< its pictures per run */
    guint64 n_seen;

    GCond loaded;    /**< n_loaders changed */
    guint n_loaders; /**< threads; of an older one only messages are left to post */
    gboolean loading;
    gboolean new_device;  /**< the loader shall open the device again */
    guint generation;     /**< counts changes of settings */
    FovDetector *pending; /**< loaded, taken over by the next picture */
    guint pending_batch;
};

void gst_fovea_detect_install_properties (GObjectClass *object_class);

/** Loads again with the present settings beside the running detector. */
void gst_fovea_detect_reload (GstFoveaDetect *self, gboolean new_device);

G_END_DECLS

#endif
