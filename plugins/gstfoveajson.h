/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_JSON_H
#define GST_FOVEA_JSON_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * GstFoveaJsonMeta: one picture's results as JSON text, written by
 * foveametaconvert and read by foveapublish or an application. Depends on
 * nothing of the picture, so every element carries it along.
 */
typedef struct {
    GstMeta meta;
    char *text; /**< UTF-8, one line, no newline at the end */
} GstFoveaJsonMeta;

GType gst_fovea_json_meta_api_get_type (void);
const GstMetaInfo *gst_fovea_json_meta_get_info (void);

/** Adds a meta with a copy of text to a writable buffer, replacing one that is there. */
GstFoveaJsonMeta *gst_fovea_buffer_add_json (GstBuffer *buffer, const char *text);

/** The text, or NULL. The buffer owns it. */
const char *gst_fovea_buffer_get_json (GstBuffer *buffer);

/** What goes into a record beside the objects. Strings may be NULL: left out. */
typedef struct {
    const char *source;
    const char *tags; /**< a JSON object that is put under "tags"; must be valid */
    gboolean add_empty;
} GstFoveaJsonParams;

/**
 * The picture's results in gvametaconvert's schema, to g_free; NULL where there
 * are none and add_empty is FALSE:
 *
 *   {"objects": [{"detection": {"bounding_box": {"x_max", "x_min", "y_max",
 *    "y_min" (0..1)}, "confidence" (0..1), "label", "label_id"}, "h", "w", "x",
 *    "y" (pixels), "id" (where a track is sure), "roi_type", "track" (where a
 *    tracker looked): {"id", "state", "reason" (where the identity changed, or was kept by looks),
 *    "visibility" (0..1), "occluder" (an id), "velocity": {"x", "y"} (parts of
 *    the picture a second)}}],
 *    "ended" (tracks given up in this picture, if any): [{"id", "label", "reason"}],
 *    "resolution": {"height", "width"}, "source", "tags", "timestamp" (ns, PTS)}
 *
 * "track" and "ended" are Fovea's own. A picture in which a track ended counts
 * as a result.
 *
 * scratch is a GArray of GstFoveaObject whose content is replaced.
 */
char *gst_fovea_json_from_buffer (GstBuffer *buffer, const GstVideoInfo *info,
                                  const GstFoveaJsonParams *params, GArray *scratch);

G_END_DECLS

#endif
