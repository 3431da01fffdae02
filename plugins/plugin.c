/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveaelements.h"

GST_DEBUG_CATEGORY (gst_fovea_debug);

static const struct {
    const char *name;
    GType (*type) (void);
} elements[] = {
    { "foveadetect", gst_fovea_detect_get_type },
    { "foveatrack", gst_fovea_track_get_type },
    { "foveaoverlay", gst_fovea_overlay_get_type },
    { "foveametaconvert", gst_fovea_meta_convert_get_type },
    { "foveapublish", gst_fovea_publish_get_type },
};

gboolean
gst_fovea_register_elements (GstPlugin *plugin)
{
    GST_DEBUG_CATEGORY_INIT (gst_fovea_debug, "fovea", 0, "Fovea video analytics");
    for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
        if (!gst_element_register (plugin, elements[i].name, GST_RANK_NONE, elements[i].type ()))
            return FALSE;
    }
    return TRUE;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, fovea,
                   "Fovea: real-time video analytics on Vulkan and CPU",
                   gst_fovea_register_elements, FOVEA_VERSION, "LGPL", "Fovea",
                   FOVEA_PACKAGE_ORIGIN)
