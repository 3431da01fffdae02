/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_FILTER_H
#define GST_FOVEA_FILTER_H

#include <fovea/image.h>
#include <gst/gst.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/**
 * GstFoveaFilter: video in, the same video out, with what a model found on it.
 * The base of elements whose work takes longer than a frame and runs
 * asynchronously.
 *
 * Three threads: the streaming thread queues buffers, events and gaps in their
 * order; a worker submits pictures to the subclass and collects the results,
 * several under way at once; the source pad's task pushes from the queue's head
 * as soon as that is ready. The queue is bounded.
 *
 * In a pipeline that is not live no frame is lost or goes without inference: a
 * full queue blocks upstream. In a live pipeline no frame stays longer than
 * max-latency, which is what the LATENCY query answers: a frame that can not be
 * ready in time is passed without results and marked as skipped, or dropped
 * (late-policy). Frames after it do not wait for it.
 */
#define GST_TYPE_FOVEA_FILTER (gst_fovea_filter_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstFoveaFilter, gst_fovea_filter, GST, FOVEA_FILTER, GstElement)

/** One picture under way. */
typedef struct {
    GstBuffer *buffer;
    FovImage image;     /**< the buffer's pixels, mapped until the picture was collected */
    GArray *detections; /**< for the subclass: FovDetection, or NULL */
    GArray *extra;      /**< for the subclass, or NULL */
    GstVideoFrame video;
    guint caps_serial;
    GQuark instance; /**< for the subclass: model instance */
} GstFoveaFrame;

struct _GstFoveaFilterClass {
    GstElementClass parent_class;

    /** On the way to PAUSED; may block. Errors are posted by the base class. */
    gboolean (*start) (GstFoveaFilter *filter, GError **error);
    /** On the way to READY, after everything was collected. */
    void (*stop) (GstFoveaFilter *filter);
    /** Streaming thread: shall the model look at this buffer? NULL: at each. */
    gboolean (*wants) (GstFoveaFilter *filter, GstBuffer *buffer, const GstVideoInfo *info);
    /**
     * Worker: starts on n pictures of the same caps, 1 <= n <= batch. Returns a
     * job that collect takes back, or NULL with error.
     */
    gpointer (*submit) (GstFoveaFilter *filter, GstFoveaFrame **frames, guint n, GError **error);
    /** Worker: waits for job, fills the frames' results and frees job in any case. */
    gboolean (*collect) (GstFoveaFilter *filter, gpointer job, GstFoveaFrame **frames, guint n,
                         GError **error);
    /**
     * Worker: after an error. TRUE: it can be lived with (the frames count as
     * skipped), FALSE or NULL: the stream ends with that error.
     */
    gboolean (*recover) (GstFoveaFilter *filter, const GError *error);
    /** Source task: writes results (or that there are none) onto a writable buffer. */
    void (*attach) (GstFoveaFilter *filter, GstFoveaFrame *frame, GstBuffer *buffer,
                    gboolean skipped);
};

/**
 * How many jobs run at once (1..16) and how many pictures one may take
 * (1..64). Any thread; takes effect with the next picture. Default 2 and 1.
 */
void gst_fovea_filter_set_capacity (GstFoveaFilter *filter, guint max_in_flight, guint batch);

typedef enum { GST_FOVEA_LATE_SKIP, GST_FOVEA_LATE_DROP } GstFoveaLatePolicy;

G_END_DECLS

#endif
