/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pads of GstFoveaFilter: what comes in is queued, what is ready goes out in the same order. */
#include "gstfoveaelements.h"
#include "gstfoveafilter-private.h"

#define GST_CAT_DEFAULT gst_fovea_debug

/* A live queue this long means that downstream does not take frames: then upstream waits. */
#define MAX_LIVE_QUEUE 120

/* --- the source pad's task --- */

static gboolean
is_ready (const Item *item)
{
    return item->state != ITEM_WAITING && item->state != ITEM_RUNNING;
}

/* The queue's head once it can go out; NULL when flow is not OK any more. */
static Item *
wait_head (GstFoveaFilterPrivate *p)
{
    while (p->flow == GST_FLOW_OK) {
        Item *head = g_queue_peek_head (&p->queue);
        if (head && is_ready (head))
            return g_queue_pop_head (&p->queue);
        if (!head || !p->live) {
            g_cond_wait (&p->changed, &p->lock);
        } else {
            gint64 deadline = head->arrival + gst_fovea_filter_budget (p);
            if (!g_cond_wait_until (&p->changed, &p->lock, deadline) &&
                head == g_queue_peek_head (&p->queue) && !is_ready (head)) {
                head->late = TRUE;
                gst_fovea_filter_abandon (p, head);
            }
        }
    }
    return NULL;
}

/* Takes the buffer out of the item, with what there is to say about it; NULL: dropped. */
static GstBuffer *
finish_buffer (GstFoveaFilter *filter, Item *item, ItemState state)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstFoveaFilterClass *klass = GST_FOVEA_FILTER_GET_CLASS (filter);
    gboolean skipped = state == ITEM_SKIPPED || state == ITEM_ABANDONED;
    GstBuffer *buffer;

    if (skipped && (p->live || item->late) && p->late_policy == GST_FOVEA_LATE_DROP) {
        p->discont = TRUE;
        return NULL;
    }
    /* The worker still reads an abandoned picture: others get a copy that shares its memory. */
    if (state == ITEM_ABANDONED)
        buffer = gst_buffer_copy (GST_BUFFER (item->object));
    else
        buffer = GST_BUFFER (g_steal_pointer (&item->object));
    if (state != ITEM_PLAIN || p->discont)
        buffer = gst_buffer_make_writable (buffer);
    if (p->discont)
        GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
    p->discont = FALSE;
    if (state == ITEM_DONE || skipped)
        klass->attach (filter, &item->frame, buffer, skipped);
    return buffer;
}

static void
count_out (GstFoveaFilterPrivate *p, const Item *item, ItemState state, gboolean dropped)
{
    gint64 now = g_get_monotonic_time ();

    if (dropped) {
        p->n_dropped++;
        return;
    }
    if (state == ITEM_DONE)
        p->n_inferred++;
    if (state == ITEM_SKIPPED || state == ITEM_ABANDONED)
        p->n_skipped++;
    /* Nothing overtakes: a frame stays for those before it too. */
    p->last_ready = MAX (p->last_ready, item->ready);
    p->latencies[p->n_latencies++ % N_LATENCIES] = p->last_ready - item->arrival;
    p->out_times[p->n_out++ % G_N_ELEMENTS (p->out_times)] = now;
}

/* Upstream hears of errors from its next push; after EOS there is none. The event itself goes on
 * whatever came back before: a sink that has seen enough posts its EOS only then. */
static void
end_after_eos (GstFoveaFilter *filter, GstFlowReturn flow, gboolean tell)
{
    if (flow == GST_FLOW_FLUSHING)
        return;
    if (tell && flow != GST_FLOW_EOS)
        GST_ELEMENT_FLOW_ERROR (filter, flow);
    gst_pad_push_event (gst_fovea_filter_priv (filter)->src, gst_event_new_eos ());
}

static GstFlowReturn
push_item (GstFoveaFilter *filter, Item *item)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    ItemState state = item->state;

    if (!item->is_buffer) {
        g_mutex_unlock (&p->lock);
        gst_pad_push_event (p->src, GST_EVENT (g_steal_pointer (&item->object)));
        g_mutex_lock (&p->lock);
        return GST_FLOW_OK;
    }
    if (state == ITEM_FAILED)
        return GST_FLOW_ERROR;
    g_mutex_unlock (&p->lock);
    GstBuffer *buffer = finish_buffer (filter, item, state);
    g_mutex_lock (&p->lock);
    count_out (p, item, state, buffer == NULL);
    g_mutex_unlock (&p->lock);
    if (item->late)
        gst_fovea_filter_qos_post (filter, item);
    GstFlowReturn flow = buffer ? gst_pad_push (p->src, buffer) : GST_FLOW_OK;
    g_mutex_lock (&p->lock);
    return flow;
}

static void
src_loop (gpointer data)
{
    GstFoveaFilter *filter = data;
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstFlowReturn flow = GST_FLOW_OK;
    gboolean failed = FALSE;

    g_mutex_lock (&p->lock);
    Item *item = wait_head (p);
    if (item) {
        p->pushing = TRUE;
        flow = push_item (filter, item);
        p->pushing = FALSE;
        failed = item->state == ITEM_FAILED;
        if (item->is_buffer && p->n_buffers)
            p->n_buffers--;
        gst_fovea_item_unref (item);
        if (flow != GST_FLOW_OK && p->flow == GST_FLOW_OK)
            p->flow = flow;
        g_cond_broadcast (&p->changed);
    }
    if (p->flow != GST_FLOW_OK) {
        /* After a flush it is FLUSH_STOP that clears: until then the pad takes no event. */
        if (p->flow != GST_FLOW_FLUSHING)
            gst_fovea_filter_clear (p, TRUE);
        gst_pad_pause_task (p->src);
    }
    if (failed)
        p->flow_told = TRUE;
    gboolean at_end = flow != GST_FLOW_OK && p->eos;
    g_mutex_unlock (&p->lock);
    if (at_end)
        end_after_eos (filter, flow, !failed);
}

/* --- the streaming thread --- */

static void
learn_liveness (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstQuery *query = gst_query_new_latency ();
    gboolean live = FALSE;

    if (gst_pad_peer_query (p->sink, query))
        gst_query_parse_latency (query, &live, NULL, NULL);
    gst_query_unref (query);
    g_mutex_lock (&p->lock);
    p->live = live;
    p->live_known = TRUE;
    g_mutex_unlock (&p->lock);
}

static gboolean
is_full (GstFoveaFilterPrivate *p)
{
    guint depth = gst_fovea_filter_depth (p);

    if (!p->live)
        return p->n_buffers >= depth;
    /* Room for what may wait for its turn within the budget. */
    if (p->frame_time)
        depth += (guint) MIN (gst_fovea_filter_budget (p) / p->frame_time + 1, MAX_LIVE_QUEUE);
    else
        depth += 30;
    return p->n_buffers >= depth;
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    GstFoveaFilter *filter = GST_FOVEA_FILTER (parent);
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstFoveaFilterClass *klass = GST_FOVEA_FILTER_GET_CLASS (filter);

    if (!p->have_caps) {
        gst_buffer_unref (buffer);
        GST_ELEMENT_ERROR (filter, CORE, NEGOTIATION, ("Got a frame before its caps"), (NULL));
        return GST_FLOW_NOT_NEGOTIATED;
    }
    if (!p->live_known)
        learn_liveness (filter);
    gboolean wants = !klass->wants || klass->wants (filter, buffer, &p->info);

    g_mutex_lock (&p->lock);
    while (p->flow == GST_FLOW_OK && is_full (p))
        g_cond_wait (&p->changed, &p->lock);
    GstFlowReturn flow = p->flow;
    if (flow == GST_FLOW_OK) {
        Item *item = gst_fovea_item_new (GST_MINI_OBJECT (buffer), TRUE);
        item->info = p->info;
        item->frame.caps_serial = p->caps_serial;
        item->frame.image.width = GST_VIDEO_INFO_WIDTH (&p->info);
        item->frame.image.height = GST_VIDEO_INFO_HEIGHT (&p->info);
        gst_fovea_filter_qos_place (p, item);
        p->n_in++;
        p->n_buffers++;
        g_queue_push_tail (&p->queue, item);
        if (wants)
            gst_fovea_filter_admit (filter, item);
        g_cond_broadcast (&p->changed);
    }
    p->flow_told = flow != GST_FLOW_OK;
    g_mutex_unlock (&p->lock);
    if (flow != GST_FLOW_OK)
        gst_buffer_unref (buffer);
    return flow;
}

static gboolean
take_caps (GstFoveaFilter *filter, GstEvent *event)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstCaps *caps;
    GstVideoInfo info;

    gst_event_parse_caps (event, &caps);
    if (!gst_video_info_from_caps (&info, caps)) {
        GST_ELEMENT_ERROR (filter, CORE, NEGOTIATION,
                           ("Caps are no raw video: %" GST_PTR_FORMAT, caps), (NULL));
        return FALSE;
    }
    g_mutex_lock (&p->lock);
    gint64 before = gst_fovea_filter_budget (p);
    p->info = info;
    p->have_caps = TRUE;
    p->caps_serial++;
    p->frame_time =
        info.fps_n > 0 ? gst_util_uint64_scale_int (G_USEC_PER_SEC, info.fps_d, info.fps_n) : 0;
    gboolean changed = gst_fovea_filter_budget (p) != before && p->live;
    g_mutex_unlock (&p->lock);
    if (changed)
        gst_element_post_message (GST_ELEMENT (filter),
                                  gst_message_new_latency (GST_OBJECT (filter)));
    return TRUE;
}

static gboolean
enqueue_event (GstFoveaFilter *filter, GstEvent *event)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstEventType type = GST_EVENT_TYPE (event);
    gboolean ok;

    g_mutex_lock (&p->lock);
    /* After EOS from downstream a new stream may start over. */
    if (p->flow == GST_FLOW_EOS && (type == GST_EVENT_STREAM_START || type == GST_EVENT_SEGMENT)) {
        p->flow = GST_FLOW_OK;
        gst_pad_start_task (p->src, src_loop, filter, NULL);
    }
    if (type == GST_EVENT_STREAM_START)
        p->live_known = FALSE;
    if (type == GST_EVENT_SEGMENT)
        gst_event_copy_segment (event, &p->segment);
    p->eos = type == GST_EVENT_EOS ||
             (p->eos && type != GST_EVENT_STREAM_START && type != GST_EVENT_SEGMENT);
    GstFlowReturn flow = p->flow;
    gboolean told = p->flow_told;
    ok = flow == GST_FLOW_OK;
    if (ok) {
        g_queue_push_tail (&p->queue, gst_fovea_item_new (GST_MINI_OBJECT (event), FALSE));
        g_cond_broadcast (&p->changed);
    }
    g_mutex_unlock (&p->lock);
    if (ok)
        return TRUE;
    gst_event_unref (event);
    if (type == GST_EVENT_EOS)
        end_after_eos (filter, flow, !told);
    return flow != GST_FLOW_FLUSHING;
}

static void
set_flow (GstFoveaFilter *filter, GstFlowReturn flow)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    g_mutex_lock (&p->lock);
    p->flow = flow;
    g_cond_broadcast (&p->changed);
    g_mutex_unlock (&p->lock);
}

static void
flush_stop (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    g_mutex_lock (&p->lock);
    gst_fovea_filter_clear (p, TRUE);
    p->eos = FALSE;
    p->discont = FALSE;
    p->flow = GST_FLOW_OK;
    gst_fovea_filter_qos_reset (p);
    g_mutex_unlock (&p->lock);
    gst_pad_start_task (p->src, src_loop, filter, NULL);
}

static gboolean
sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstFoveaFilter *filter = GST_FOVEA_FILTER (parent);
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    gboolean ok;

    switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
        ok = gst_pad_push_event (p->src, event);
        set_flow (filter, GST_FLOW_FLUSHING);
        gst_pad_pause_task (p->src);
        return ok;
    case GST_EVENT_FLUSH_STOP:
        ok = gst_pad_push_event (p->src, event);
        flush_stop (filter);
        return ok;
    case GST_EVENT_CAPS:
        if (!take_caps (filter, event)) {
            gst_event_unref (event);
            return FALSE;
        }
        return enqueue_event (filter, event);
    default:
        if (GST_EVENT_IS_SERIALIZED (event))
            return enqueue_event (filter, event);
        return gst_pad_event_default (pad, parent, event);
    }
}

/* FALSE when the stream is flushed or has ended meanwhile. */
static gboolean
wait_drained (GstFoveaFilterPrivate *p)
{
    gboolean ok;

    g_mutex_lock (&p->lock);
    while (p->flow == GST_FLOW_OK && (!g_queue_is_empty (&p->queue) || p->pushing))
        g_cond_wait (&p->changed, &p->lock);
    ok = p->flow == GST_FLOW_OK;
    g_mutex_unlock (&p->lock);
    return ok;
}

/* Upstream's pool must not run dry by what is held back here. */
static void
ask_more_buffers (GstFoveaFilterPrivate *p, GstQuery *query)
{
    g_mutex_lock (&p->lock);
    guint depth = gst_fovea_filter_depth (p);
    g_mutex_unlock (&p->lock);

    for (guint i = 0; i < gst_query_get_n_allocation_pools (query); i++) {
        GstBufferPool *pool;
        guint size, min, max;
        gst_query_parse_nth_allocation_pool (query, i, &pool, &size, &min, &max);
        min += depth;
        if (max && max < min)
            g_clear_pointer (&pool, gst_object_unref);
        gst_query_set_nth_allocation_pool (query, i, pool, size, min, max && max < min ? 0 : max);
        g_clear_pointer (&pool, gst_object_unref);
    }
}

static gboolean
sink_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (parent));

    if (GST_QUERY_IS_SERIALIZED (query)) {
        if (!wait_drained (p) || !gst_pad_peer_query (p->src, query))
            return FALSE;
        if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION)
            ask_more_buffers (p, query);
        return TRUE;
    }
    return gst_pad_query_default (pad, parent, query);
}

static gboolean
src_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (parent));

    if (GST_EVENT_TYPE (event) == GST_EVENT_QOS) {
        g_mutex_lock (&p->lock);
        gst_fovea_filter_qos_take (p, event);
        g_mutex_unlock (&p->lock);
    }
    return gst_pad_event_default (pad, parent, event);
}

static gboolean
src_query (GstPad *pad, GstObject *parent, GstQuery *query)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (GST_FOVEA_FILTER (parent));
    GstClockTime min, max, own;
    gboolean live;

    if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
        return gst_pad_query_default (pad, parent, query);
    if (!gst_pad_peer_query (p->sink, query))
        return FALSE;
    gst_query_parse_latency (query, &live, &min, &max);
    g_mutex_lock (&p->lock);
    p->live = live;
    own = (GstClockTime) gst_fovea_filter_budget (p) * GST_USECOND;
    g_mutex_unlock (&p->lock);
    if (live) {
        min += own;
        if (GST_CLOCK_TIME_IS_VALID (max))
            max += own;
    }
    gst_query_set_latency (query, live, min, max);
    return TRUE;
}

static gboolean
sink_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    set_flow (GST_FOVEA_FILTER (parent), active ? GST_FLOW_OK : GST_FLOW_FLUSHING);
    return TRUE;
}

static gboolean
src_activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active)
{
    GstFoveaFilter *filter = GST_FOVEA_FILTER (parent);

    if (mode != GST_PAD_MODE_PUSH)
        return FALSE;
    set_flow (filter, active ? GST_FLOW_OK : GST_FLOW_FLUSHING);
    return active ? gst_pad_start_task (pad, src_loop, filter, NULL) : gst_pad_stop_task (pad);
}

void
gst_fovea_filter_add_pads (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    GstElement *element = GST_ELEMENT (filter);
    GstElementClass *klass = GST_ELEMENT_GET_CLASS (filter);

    p->sink =
        gst_pad_new_from_template (gst_element_class_get_pad_template (klass, "sink"), "sink");
    gst_pad_set_chain_function (p->sink, chain);
    gst_pad_set_event_function (p->sink, sink_event);
    gst_pad_set_query_function (p->sink, sink_query);
    gst_pad_set_activatemode_function (p->sink, sink_activate_mode);
    GST_PAD_SET_PROXY_CAPS (p->sink);
    GST_PAD_SET_PROXY_SCHEDULING (p->sink);
    gst_element_add_pad (element, p->sink);
    p->src = gst_pad_new_from_template (gst_element_class_get_pad_template (klass, "src"), "src");
    gst_pad_set_event_function (p->src, src_event);
    gst_pad_set_query_function (p->src, src_query);
    gst_pad_set_activatemode_function (p->src, src_activate_mode);
    GST_PAD_SET_PROXY_CAPS (p->src);
    GST_PAD_SET_PROXY_SCHEDULING (p->src);
    gst_element_add_pad (element, p->src);
}
