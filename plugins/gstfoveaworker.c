/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker of GstFoveaFilter: what is submitted, and what a live pipeline has no time for. */
#include "gstfoveaelements.h"
#include "gstfoveafilter-private.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

#define MAX_AUTO_BUDGET (5 * G_USEC_PER_SEC)

Item *
gst_fovea_item_new (GstMiniObject *object, gboolean is_buffer)
{
    Item *item = g_new0 (Item, 1);

    item->refs = 1;
    item->object = object;
    item->is_buffer = is_buffer;
    item->arrival = item->ready = g_get_monotonic_time ();
    return item;
}

static void
unmap (Item *item)
{
    if (item->mapped)
        gst_video_frame_unmap (&item->frame.video);
    item->mapped = FALSE;
}

void
gst_fovea_item_unref (Item *item)
{
    if (--item->refs > 0)
        return;
    unmap (item);
    g_clear_pointer (&item->object, gst_mini_object_unref);
    g_clear_pointer (&item->frame.detections, g_array_unref);
    g_clear_pointer (&item->frame.extra, g_array_unref);
    g_free (item);
}

guint
gst_fovea_filter_depth (GstFoveaFilterPrivate *p)
{
    return (p->max_in_flight + 1) * p->batch;
}

gint64
gst_fovea_filter_budget (GstFoveaFilterPrivate *p)
{
    gint64 usual = p->frame_time ? p->frame_time * (gint64) gst_fovea_filter_depth (p)
                                 : 100 * G_TIME_SPAN_MILLISECOND;

    if (p->max_latency)
        return (gint64) p->max_latency * G_TIME_SPAN_MILLISECOND;
    return MIN (MAX (usual, p->auto_budget), MAX_AUTO_BUDGET);
}

/* The device is a queue with one server: a picture's results come after those
 * before it. One picture always gets its try, so that the estimate stays fresh. */
static gboolean
in_time (GstFoveaFilterPrivate *p)
{
    guint jobs_before = (p->n_outstanding + p->batch - 1) / p->batch;

    if (p->n_outstanding == 0)
        return TRUE;
    if (p->n_outstanding >= gst_fovea_filter_depth (p))
        return FALSE;
    return (jobs_before + 1) * p->service <= (double) gst_fovea_filter_budget (p);
}

void
gst_fovea_filter_admit (GstFoveaFilter *filter, Item *item)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    item->late = gst_fovea_filter_qos_late (p, item) || (p->live && !in_time (p));
    if (item->late) {
        item->state = ITEM_SKIPPED;
        return;
    }
    item->state = ITEM_WAITING;
    item->refs++;
    p->n_outstanding++;
    g_queue_push_tail (&p->todo, item);
}

static void
settle (Item *item, ItemState state)
{
    item->state = state;
    item->ready = g_get_monotonic_time ();
}

void
gst_fovea_filter_abandon (GstFoveaFilterPrivate *p, Item *item)
{
    if (item->state == ITEM_WAITING && g_queue_remove (&p->todo, item)) {
        p->n_outstanding--;
        settle (item, ITEM_SKIPPED);
        gst_fovea_item_unref (item);
    } else if (item->state == ITEM_WAITING || item->state == ITEM_RUNNING) {
        settle (item, ITEM_ABANDONED);
    }
}

void
gst_fovea_filter_clear (GstFoveaFilterPrivate *p, gboolean keep_sticky)
{
    Item *item;

    while ((item = g_queue_pop_head (&p->queue))) {
        GstEvent *event = item->is_buffer ? NULL : GST_EVENT (item->object);
        /* A flush takes frames, not what the stream is. */
        if (keep_sticky && event && GST_EVENT_IS_STICKY (event) &&
            GST_EVENT_TYPE (event) != GST_EVENT_SEGMENT && GST_EVENT_TYPE (event) != GST_EVENT_EOS)
            gst_pad_store_sticky_event (p->src, event);
        gst_fovea_filter_abandon (p, item);
        gst_fovea_item_unref (item);
    }
    p->n_buffers = 0;
}

/* Up to a batch of pictures of the same caps; removes them from todo. */
static GPtrArray *
take_group (GstFoveaFilterPrivate *p)
{
    GPtrArray *group = g_ptr_array_new ();

    while (group->len < p->batch && !g_queue_is_empty (&p->todo)) {
        Item *next = g_queue_peek_head (&p->todo);
        if (group->len &&
            next->frame.caps_serial != ((Item *) g_ptr_array_index (group, 0))->frame.caps_serial)
            break;
        g_ptr_array_add (group, g_queue_pop_head (&p->todo));
    }
    return group;
}

static void
report_corrupt (GstFoveaFilter *filter, const GError *error)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    GST_WARNING_OBJECT (filter, "%s", error->message);
    if (!p->corrupt_told)
        gst_fovea_post_warning (filter, error, "A frame passes without inference");
    p->corrupt_told = TRUE;
}

/* Without the lock: maps the pictures; those that can not be come out as skipped. */
static void
map_group (GstFoveaFilter *filter, GPtrArray *group, GPtrArray *good, GPtrArray *bad)
{
    for (guint i = 0; i < group->len; i++) {
        Item *item = g_ptr_array_index (group, i);
        g_autoptr (GError) error = NULL;

        item->frame.buffer = GST_BUFFER (item->object);
        item->mapped = gst_fovea_frame_map (&item->frame.video, &item->info, item->frame.buffer,
                                            GST_MAP_READ, &error);
        if (item->mapped &&
            gst_fovea_image_from_frame (&item->frame.image, &item->frame.video, &error)) {
            g_ptr_array_add (good, item);
            continue;
        }
        report_corrupt (filter, error);
        g_ptr_array_add (bad, item);
    }
}

/* With the lock: gives items back to the source task in their last state. */
static void
release (GstFoveaFilterPrivate *p, GPtrArray *items, ItemState state)
{
    for (guint i = 0; i < items->len; i++) {
        Item *item = g_ptr_array_index (items, i);
        unmap (item);
        if (item->state != ITEM_ABANDONED)
            settle (item, state);
        p->n_outstanding--;
        gst_fovea_item_unref (item);
    }
    g_cond_broadcast (&p->changed);
}

/* Without the lock: what to do about a failed submit or collect. */
static ItemState
judge (GstFoveaFilter *filter, const GError *error)
{
    GstFoveaFilterClass *klass = GST_FOVEA_FILTER_GET_CLASS (filter);

    if (klass->recover && klass->recover (filter, error))
        return ITEM_SKIPPED;
    gst_fovea_post_error (filter, error, "Inference failed");
    return ITEM_FAILED;
}

static void
frames_of (GPtrArray *items, GstFoveaFrame **frames)
{
    for (guint i = 0; i < items->len; i++)
        frames[i] = &((Item *) g_ptr_array_index (items, i))->frame;
}

static void
submit_group (GstFoveaFilter *filter, GPtrArray *group)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    g_autoptr (GPtrArray) good = g_ptr_array_new ();
    g_autoptr (GPtrArray) bad = g_ptr_array_new ();
    g_autofree GstFoveaFrame **frames = g_new (GstFoveaFrame *, group->len);
    g_autoptr (GError) error = NULL;
    ItemState state = ITEM_RUNNING;
    gpointer handle = NULL;

    for (guint i = 0; i < group->len; i++)
        ((Item *) g_ptr_array_index (group, i))->state = ITEM_RUNNING;
    g_mutex_unlock (&p->lock);
    map_group (filter, group, good, bad);
    frames_of (good, frames);
    if (good->len) {
        handle = GST_FOVEA_FILTER_GET_CLASS (filter)->submit (filter, frames, good->len, &error);
        if (!handle)
            state = judge (filter, error);
    }
    g_mutex_lock (&p->lock);

    release (p, bad, ITEM_SKIPPED);
    if (handle) {
        Job *job = g_new0 (Job, 1);
        job->handle = handle;
        job->items = g_steal_pointer (&good);
        job->submitted = g_get_monotonic_time ();
        g_queue_push_tail (&p->jobs, job);
    } else {
        release (p, good, state);
    }
}

/* Learns how long a job takes; TRUE if the pipeline's latency has to follow. */
static gboolean
learn_service (GstFoveaFilterPrivate *p, gint64 submitted)
{
    gint64 now = g_get_monotonic_time ();
    double took = (double) (now - MAX (submitted, p->last_done));
    gint64 before = gst_fovea_filter_budget (p);

    p->last_done = now;
    p->service = p->n_services == 0 ? took : p->service + 0.25 * (took - p->service);
    p->n_services++;
    /* The first runs warm caches up and say little. */
    if (p->live && p->n_services >= 3 && p->service * 1.5 > (double) before)
        p->auto_budget = (gint64) (p->service * 2);
    return p->live && gst_fovea_filter_budget (p) != before;
}

static void
tell_slow (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    double ms = p->service / G_TIME_SPAN_MILLISECOND;

    if (!p->live || p->slow_told || p->n_services < 3 || p->max_latency == 0 ||
        ms <= (double) p->max_latency)
        return;
    p->slow_told = TRUE;
    g_mutex_unlock (&p->lock);
    GST_ELEMENT_WARNING (filter, CORE, CLOCK,
                         ("Inference takes %.0f ms, more than max-latency=%u ms: frames get no "
                          "results. Raise max-latency or take a smaller model",
                          ms, p->max_latency),
                         (NULL));
    g_mutex_lock (&p->lock);
}

static void
collect_job (GstFoveaFilter *filter, Job *job)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);
    g_autofree GstFoveaFrame **frames = g_new (GstFoveaFrame *, job->items->len);
    g_autoptr (GError) error = NULL;
    ItemState state = ITEM_DONE;

    frames_of (job->items, frames);
    g_mutex_unlock (&p->lock);
    if (!GST_FOVEA_FILTER_GET_CLASS (filter)->collect (filter, job->handle, frames, job->items->len,
                                                       &error))
        state = judge (filter, error);
    g_mutex_lock (&p->lock);

    gboolean follow = learn_service (p, job->submitted);
    release (p, job->items, state);
    tell_slow (filter);
    if (follow) {
        g_mutex_unlock (&p->lock);
        gst_element_post_message (GST_ELEMENT (filter),
                                  gst_message_new_latency (GST_OBJECT (filter)));
        g_mutex_lock (&p->lock);
    }
    g_ptr_array_unref (job->items);
    g_free (job);
}

static gpointer
worker_main (gpointer data)
{
    GstFoveaFilter *filter = data;
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    g_mutex_lock (&p->lock);
    while (!p->stop || !g_queue_is_empty (&p->jobs)) {
        if (!p->stop && !g_queue_is_empty (&p->todo) &&
            g_queue_get_length (&p->jobs) < p->max_in_flight) {
            g_autoptr (GPtrArray) group = take_group (p);
            submit_group (filter, group);
        } else if (!g_queue_is_empty (&p->jobs)) {
            collect_job (filter, g_queue_pop_head (&p->jobs));
        } else {
            g_cond_wait (&p->changed, &p->lock);
        }
    }
    g_mutex_unlock (&p->lock);
    return NULL;
}

void
gst_fovea_filter_start_worker (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    p->stop = FALSE;
    p->worker = g_thread_new ("fovea-worker", worker_main, filter);
}

void
gst_fovea_filter_stop_worker (GstFoveaFilter *filter)
{
    GstFoveaFilterPrivate *p = gst_fovea_filter_priv (filter);

    if (!p->worker)
        return;
    g_mutex_lock (&p->lock);
    gst_fovea_filter_clear (p, FALSE);
    p->stop = TRUE;
    g_cond_broadcast (&p->changed);
    g_mutex_unlock (&p->lock);
    g_thread_join (g_steal_pointer (&p->worker));
}
