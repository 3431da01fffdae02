/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_ELEMENTS_H
#define GST_FOVEA_ELEMENTS_H

#include <gst/gst.h>

G_BEGIN_DECLS

GType gst_fovea_detect_get_type (void);
GType gst_fovea_track_get_type (void);
GType gst_fovea_overlay_get_type (void);
GType gst_fovea_meta_convert_get_type (void);
GType gst_fovea_publish_get_type (void);

/** Registers every element of the plugin; plugin may be NULL in tests. */
gboolean gst_fovea_register_elements (GstPlugin *plugin);

GST_DEBUG_CATEGORY_EXTERN (gst_fovea_debug);

/** A property that applications may set, and when a change takes effect. */
#define GST_FOVEA_LIVE (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
#define GST_FOVEA_READY (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define GST_FOVEA_READ (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

G_END_DECLS

#endif
