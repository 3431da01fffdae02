/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_META_H
#define GST_FOVEA_META_H

#include <fovea/tracker.h>
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
    GST_FOVEA_META_REGIONS = 1 << 2,  /**< its turn is regions of the picture, not the whole */
    GST_FOVEA_META_TRACKED = 1 << 3,  /**< what a tracker holds without a detection */
} GstFoveaMetaFlags;

/** One object. Zero is not a default: start from GST_FOVEA_OBJECT_INIT. */
typedef struct {
    double x_min, y_min, x_max, y_max; /**< 0..1 of the picture's width and height */
    float confidence;                  /**< 0..1; < 0: not known */
    int label_id;                      /**< class index, 0-based; -1: not known */
    GQuark label;                      /**< class name; 0: none */
    int roi_id;                        /**< id of the ROI meta beside; -1: none */
    int parent_id;                     /**< roi_id of the object that this is a part of; -1: none */
    GQuark model_instance;             /**< model-instance-id of the element; 0: none */
    /* What a tracker says; see FovTrack. */
    gint64 track_id;              /**< -1: no track holds it */
    int track_state;              /**< FovTrackState; -1: no tracker looked at it */
    FovTrackReason track_reason;  /**< why the identity changed, or went on, in this picture */
    float visibility;             /**< 0..1; < 0: not known */
    gint64 occluder;              /**< track_id of what covers it most; -1: none */
    float velocity_x, velocity_y; /**< of the centre: widths and heights of the picture a second */
} GstFoveaObject;

#define GST_FOVEA_OBJECT_INIT                                                                      \
    {                                                                                              \
        .confidence = -1, .label_id = -1, .roi_id = -1, .parent_id = -1, .track_id = -1,           \
        .track_state = -1, .visibility = -1, .occluder = -1                                        \
    }

typedef struct {
    GstMeta meta;
    int width, height; /**< pixels of the picture that the boxes belong to */
    GQuark model_instance;
    GstFoveaMetaFlags flags;
    GArray *objects; /**< GstFoveaObject, by falling confidence */
    GArray *ended;   /**< GstFoveaObject of tracks that were given up in this picture; NULL: none */
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

/** The same for tracks that were given up in this picture. They are no objects of it any more. */
guint gst_fovea_buffer_ended (GstBuffer *buffer, const GstVideoInfo *info, GArray *ended);

/**
 * Gives each GstVideoRegionOfInterestMeta of a writable buffer that has no id
 * one of its own, so that an object can be told from the others by roi_id.
 */
void gst_fovea_buffer_number_rois (GstBuffer *buffer);

/**
 * Writes what a tracker says about objects, which gst_fovea_buffer_objects gave,
 * to where each of them stands: into our metas and, for objects that a track
 * is sure of, as "object_id" into the ROI metas. Objects that only ROI metas
 * hold are added to meta.
 */
void gst_fovea_buffer_set_tracks (GstBuffer *buffer, GstFoveaMeta *meta, const GArray *objects);

/** Appends a track that was given up in this picture. */
void gst_fovea_meta_add_ended (GstFoveaMeta *meta, const GstFoveaObject *object);

/** Whether readers that count identities count this one: a track is sure of the object. */
gboolean gst_fovea_object_is_tracked (const GstFoveaObject *object);

/** Whether label is among classes, separated by commas; NULL or empty: all are. */
gboolean gst_fovea_class_wanted (const char *classes, GQuark label);

G_END_DECLS

#endif
