/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_FOVEA_FILTER_PRIVATE_H
#define GST_FOVEA_FILTER_PRIVATE_H

#include "gstfoveafilter.h"

G_BEGIN_DECLS

#define N_LATENCIES 256

typedef enum {
    ITEM_PLAIN,     /* an event, or a buffer that the model need not see */
    ITEM_WAITING,   /* the worker will take it */
    ITEM_RUNNING,   /* submitted */
    ITEM_DONE,      /* results are there */
    ITEM_SKIPPED,   /* no time for it, or a corrupt picture */
    ITEM_ABANDONED, /* passed on while it runs; the worker still needs its memory */
    ITEM_FAILED,
} ItemState;

/* What stands in the queue. Shared by the queue and the worker. */
typedef struct {
    int refs; /* under lock */
    GstMiniObject *object;
    gboolean is_buffer;
    ItemState state;
    gint64 arrival; /* monotonic, us */
    gint64
        ready; /* likewise; that it waits for downstream afterwards is not this element's doing */
    GstVideoInfo info;
    GstFoveaFrame frame;
    gboolean mapped;
    gboolean late; /* goes without results for want of time */
    GstClockTime pts, duration, running, stream;
} Item;

typedef struct {
    gpointer handle;
    GPtrArray *items;
    gint64 submitted;
} Job;

typedef struct {
    GstPad *sink, *src;

    GMutex lock;
    GCond changed; /* anything below changed */
    GQueue queue;  /* Item, in stream order */
    GQueue todo;   /* Item, what the worker shall submit */
    GQueue jobs;   /* Job, submitted */
    GThread *worker;
    gboolean stop;
    gboolean busy; /* the worker submits or collects outside the lock */
    gboolean pushing;
    gboolean eos;
    gboolean discont;
    gboolean flow_told; /* upstream or the bus knows that flow is not OK */
    GstFlowReturn flow;
    guint n_outstanding; /* pictures that occupy or wait for the device */
    guint n_buffers;     /* in queue */

    GstVideoInfo info; /* of the next buffer; streaming thread */
    guint caps_serial;
    gboolean have_caps, live_known;
    gboolean corrupt_told, slow_told;

    GstSegment segment; /* of the next buffer */
    gboolean qos;
    GstClockTime earliest; /* running time up to which frames come too late for the sink */
    GstClockTimeDiff jitter;
    double proportion;

    gboolean live;
    guint max_in_flight, batch;
    gint64 last_done;   /* us */
    double service;     /* us per job, a running mean */
    guint n_services;   /* jobs in that mean */
    gint64 auto_budget; /* us */
    gint64 frame_time;  /* us; 0: not known */

    guint max_latency; /* ms */
    GstFoveaLatePolicy late_policy;

    guint64 n_in, n_inferred, n_skipped, n_dropped, n_out;
    gint64 latencies[N_LATENCIES]; /* us */
    gint64 last_ready;             /* of the frames that went out */
    guint n_latencies;
    gint64 out_times[32]; /* us; the rate's window */
} GstFoveaFilterPrivate;

GstFoveaFilterPrivate *gst_fovea_filter_priv (GstFoveaFilter *filter);

/* All with the lock held unless said otherwise. */
Item *gst_fovea_item_new (GstMiniObject *object, gboolean is_buffer);
void gst_fovea_item_unref (Item *item);

/* The most that a frame may stay in a live pipeline, us. */
gint64 gst_fovea_filter_budget (GstFoveaFilterPrivate *p);
/* Chooses between inference and skipping, and hands to the worker. */
void gst_fovea_filter_admit (GstFoveaFilter *filter, Item *item);
/* Takes the item away from the worker as far as possible. */
void gst_fovea_filter_abandon (GstFoveaFilterPrivate *p, Item *item);
/* Empties the queue; sticky events can be kept for the source pad. */
void gst_fovea_filter_clear (GstFoveaFilterPrivate *p, gboolean keep_sticky);
/* How many pictures may be in the queue before upstream has to wait. */
guint gst_fovea_filter_depth (GstFoveaFilterPrivate *p);

/* Nothing is late; at the start, and after a flush. */
void gst_fovea_filter_qos_reset (GstFoveaFilterPrivate *p);
/* A QOS event from downstream. */
void gst_fovea_filter_qos_take (GstFoveaFilterPrivate *p, GstEvent *event);
/* Where the buffer lies in the segment. */
void gst_fovea_filter_qos_place (GstFoveaFilterPrivate *p, Item *item);
/* Whether the sink would throw the frame away. */
gboolean gst_fovea_filter_qos_late (const GstFoveaFilterPrivate *p, const Item *item);

/* Without the lock. */
/* Tells the application of a frame that was dropped or goes without results. */
void gst_fovea_filter_qos_post (GstFoveaFilter *filter, const Item *item);
void gst_fovea_filter_add_pads (GstFoveaFilter *filter);
void gst_fovea_filter_start_worker (GstFoveaFilter *filter);
void gst_fovea_filter_stop_worker (GstFoveaFilter *filter);

G_END_DECLS

#endif
