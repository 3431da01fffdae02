/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_TRACK_H
#define GST_FOVEA_TRACK_H

#include <fovea/embedder.h>
#include <fovea/tracker.h>
#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "gstfoveameta.h"

G_BEGIN_DECLS

/** One number that some of the trackers have, as a property of the element. */
typedef struct {
    FovTrackerProperty property; /**< of the first tracker that has it, range: that of all */
    char *blurb;
} GstFoveaTrackNumber;

/** Of all trackers, in the order in which they list them; static. */
const GArray *gst_fovea_track_numbers (void);

#define GST_FOVEA_NO_TIME G_MININT64

/** What FovDetection.label stands for: labels of several models can share a number. */
typedef struct {
    GQuark instance, label;
    int label_id;
} GstFoveaTrackClassName;

/** What the tracker is made of. */
typedef struct {
    guint tracker, preset, visual; /**< of the enums; preset and visual 0: none */
    char *object_class;
    char *embedding_model, *visual_backbone, *visual_head, *device, *camera_file;
    guint64 seed;
} GstFoveaTrackSettings;

G_DECLARE_FINAL_TYPE (GstFoveaTrack, gst_fovea_track, GST, FOVEA_TRACK, GstBaseTransform)

/** foveatrack. */
struct _GstFoveaTrack {
    GstBaseTransform parent;

    /* streaming thread */
    GstVideoInfo info;
    gboolean have_info;
    FovTracker *tracker; /**< NULL: to be made for the next frame */
    FovVisual *visual;
    FovEmbedder *embedder;
    GArray *objects;        /**< GstFoveaObject of the buffer */
    GArray *detections;     /**< FovDetection */
    GArray *places;         /**< guint: a detection's index in objects */
    GArray *tracks;         /**< FovTrack, of the last frame */
    GArray *forgotten;      /**< GstFoveaObject: ended by a reset, to be said with the next frame */
    GArray *classes;        /**< GstFoveaTrackClassName, by FovDetection.label */
    GArray *detectors;      /**< those that found something, or said that they looked */
    GArray *looks;          /**< FovClassDetector, of the classes */
    gint64 last;            /**< ns: place in the stream of the last update; GST_FOVEA_NO_TIME: none
                                 since the last reset */
    gboolean other_segment; /**< the next frame is the first of another one */
    guint64 id_base;        /**< ids of trackers before this one */
    guint64 id_last;        /**< largest id so far */
    gboolean corrupt_told, time_told;
    gboolean unused_told[3]; /**< embedding-model, visual, camera-file */
    FovGroundCamera camera;
    char *camera_used; /**< the file that camera is from; NULL: none */
    guint64 *told;     /**< bit set of numbers that were warned of */

    /* under the object lock */
    GstFoveaTrackSettings settings;
    double *numbers; /**< as gst_fovea_track_numbers */
    guint64 *given;  /**< bit set of numbers that were set */
    gboolean renew;  /**< another tracker or preset was chosen */
    gboolean adjust; /**< a number was set */
    gboolean look;   /**< a camera's file was set */
    guint64 n_tracks;
};

/** Property names: the enums' values for "none" and a tracker's own name. */
const char *gst_fovea_track_tracker_name (const GstFoveaTrackSettings *settings);
const char *gst_fovea_track_preset_name (const GstFoveaTrackSettings *settings); /**< or NULL */
const char *gst_fovea_track_visual_name (const GstFoveaTrackSettings *settings); /**< or NULL */

void gst_fovea_track_install_properties (GObjectClass *object_class);
void gst_fovea_track_init_properties (GstFoveaTrack *self);
void gst_fovea_track_clear_properties (GstFoveaTrack *self);

/** Opens what properties name: embedding model, visual tracker. Blocks. */
gboolean gst_fovea_track_open (GstFoveaTrack *self, GError **error);
void gst_fovea_track_close (GstFoveaTrack *self);

/* Who looks, and for what. */
void gst_fovea_track_sight_init (GstFoveaTrack *self);
void gst_fovea_track_sight_clear (GstFoveaTrack *self);
/** The stream is another; restart: so are its detectors. */
void gst_fovea_track_sight_reset (GstFoveaTrack *self, gboolean restart);
/** FovDetection.label of an object. */
int gst_fovea_track_class_of (GstFoveaTrack *self, const GstFoveaObject *object);
/** Tells the tracker which detectors looked at the frame; whether any did. */
gboolean gst_fovea_track_look (GstFoveaTrack *self, GstBuffer *buffer, gint64 pts);

/** The last frame's tracks end: with the next frame that is said. */
void gst_fovea_track_end_all (GstFoveaTrack *self);
/** Pictures a second; 0: not fixed. */
double gst_fovea_track_rate (const GstVideoInfo *info);
/** Makes the tracker, or sets its numbers, where properties asked for it. */
gboolean gst_fovea_track_apply (GstFoveaTrack *self, GError **error);

G_END_DECLS

#endif
