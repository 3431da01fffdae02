/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quality of service in GstFoveaFilter: what the sink says of late frames, and what is said of
 * them. */
#include "gstfoveaelements.h"
#include "gstfoveafilter-private.h"

#define GST_CAT_DEFAULT gst_fovea_debug

void
gst_fovea_filter_qos_reset (GstFoveaFilterPrivate *p)
{
    p->earliest = GST_CLOCK_TIME_NONE;
    p->jitter = 0;
    p->proportion = 1;
}

void
gst_fovea_filter_qos_take (GstFoveaFilterPrivate *p, GstEvent *event)
{
    GstClockTime timestamp, frame = (GstClockTime) p->frame_time * GST_USECOND;
    GstClockTimeDiff diff;
    GstQOSType type;
    double proportion;

    gst_event_parse_qos (event, &type, &proportion, &diff, &timestamp);
    if (type == GST_QOS_TYPE_THROTTLE || !GST_CLOCK_TIME_IS_VALID (timestamp))
        return;
    p->jitter = diff;
    p->proportion = proportion;
    /* One that was late: those behind it are too, until as much is made up again. */
    if (diff > 0)
        p->earliest = timestamp + 2 * (GstClockTime) diff + frame;
    else
        p->earliest = timestamp > (GstClockTime) -diff ? timestamp - (GstClockTime) -diff : 0;
}

void
gst_fovea_filter_qos_place (GstFoveaFilterPrivate *p, Item *item)
{
    GstBuffer *buffer = GST_BUFFER (item->object);

    item->pts = GST_BUFFER_PTS (buffer);
    item->duration = GST_BUFFER_DURATION (buffer);
    item->running = item->stream = GST_CLOCK_TIME_NONE;
    if (p->segment.format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (item->pts))
        return;
    item->running = gst_segment_to_running_time (&p->segment, GST_FORMAT_TIME, item->pts);
    item->stream = gst_segment_to_stream_time (&p->segment, GST_FORMAT_TIME, item->pts);
}

gboolean
gst_fovea_filter_qos_late (const GstFoveaFilterPrivate *p, const Item *item)
{
    return p->qos && GST_CLOCK_TIME_IS_VALID (p->earliest) &&
           GST_CLOCK_TIME_IS_VALID (item->running) && item->running <= p->earliest;
}

void
gst_fovea_filter_qos_post (GstFoveaFilter *filter, const Item *item)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstMessage *message;

    g_mutex_lock (&p->lock);
    message = gst_message_new_qos (GST_OBJECT (filter), p->live, item->running, item->stream,
                                   item->pts, item->duration);
    gst_message_set_qos_values (message, p->jitter, p->proportion, 1000000);
    gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, p->n_inferred,
                               p->n_skipped + p->n_dropped);
    g_mutex_unlock (&p->lock);
    gst_element_post_message (GST_ELEMENT (filter), message);
}
