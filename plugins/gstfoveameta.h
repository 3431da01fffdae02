/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_META_H
#define GST_FOVEA_META_H

#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * GstFoveaMeta: what one model found in one picture. At most one per buffer
 * and model instance. Beside it stands a GstVideoRegionOfInterestMeta per
 * object for readers that do not know ours; roi_id ties the two together.
 *
 * Boxes are normalised, so scaling leaves them alone; width and height say
 * which picture they belong to. Through GStreamer's own elements:
 *   - videoconvert, videoscale, videoconvertscale carry it. Where the display
 *     aspect ratio changes they are taken to add borders (their default).
 *   - videocrop that copies, videobox and videoflip drop it: its tags ("video",
 *     "size", "orientation") say that it depends on size and orientation.
 *   - videocrop that only sets GstVideoCropMeta leaves it: the reader below
 *     applies that crop.
 * gst_fovea_buffer_objects is the way to read: it never returns a box that
 * belongs to another picture.
 */
typedef enum {
    GST_FOVEA_META_INFERRED = 1 << 0, /**< the model looked at this picture */
    GST_FOVEA_META_SKIPPED = 1 << 1,  /**< it should have, but there was no time */
} GstFoveaMetaFlags;

/** One object. Zero is not a default: start from GST_FOVEA_OBJECT_INIT. */
typedef struct {
    double x_min, y_min, x_max, y_max; /**< 0..1 of the picture's width and height */
    float confidence;                  /**< 0..1; < 0: not known */
    int label_id;                      /**< class index, 0-based; -1: not known */
    GQuark label;                      /**< class name; 0: none */
    int roi_id;                        /**< id of the ROI meta beside; -1: none */
    int parent_id;                     /**< roi_id of the object that this is a part of; -1: none */
    gint64 track_id;                   /**< -1: not tracked */
    GQuark model_instance;             /**< model-instance-id of the element; 0: none */
} GstFoveaObject;

#define GST_FOVEA_OBJECT_INIT                                                                      \
    {                                                                                              \
        .confidence = -1, .label_id = -1, .roi_id = -1, .parent_id = -1, .track_id = -1            \
    }

typedef struct {
    GstMeta meta;
    int width, height; /**< pixels of the picture that the boxes belong to */
    GQuark model_instance;
    GstFoveaMetaFlags flags;
    GArray *objects; /**< GstFoveaObject, by falling confidence */
} GstFoveaMeta;

GType gst_fovea_meta_api_get_type (void);
const GstMetaInfo *gst_fovea_meta_get_info (void);

/**
 * Adds an empty meta for a width x height picture to a writable buffer; never
 * NULL. The buffer owns it. A meta of the same model instance is replaced.
 */
GstFoveaMeta *gst_fovea_buffer_add_meta (GstBuffer *buffer, int width, int height,
                                         GQuark model_instance, GstFoveaMetaFlags flags);

/** The meta of that model instance (0: any), or NULL. The buffer owns it. */
GstFoveaMeta *gst_fovea_buffer_get_meta (GstBuffer *buffer, GQuark model_instance);

/**
 * Appends object to meta and writes the GstVideoRegionOfInterestMeta for it,
 * which gives it a roi_id if it has none.
 */
void gst_fovea_buffer_add_object (GstBuffer *buffer, GstFoveaMeta *meta, GstFoveaObject *object);

/**
 * Collects every object of a picture of info's size into objects (GArray of
 * GstFoveaObject, emptied first): ours, then the ROI metas whose id ours do not
 * have. Boxes outside the picture are clipped, or left out where nothing
 * remains. Returns how many.
 */
guint gst_fovea_buffer_objects (GstBuffer *buffer, const GstVideoInfo *info, GArray *objects);

G_END_DECLS

#endif
