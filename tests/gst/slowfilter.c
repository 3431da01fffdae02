/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "slowfilter.h"

#include <fovea/error.h>

#include "gstfoveameta.h"

G_DEFINE_TYPE (SlowFilter, slow_filter, GST_TYPE_FOVEA_FILTER)

typedef struct {
    int index;
    gint64 end;
    guint8 checksum;
} SlowJob;

static gboolean
start (GstFoveaFilter *filter, GError **error)
{
    SLOW_FILTER (filter)->n_started++;
    return TRUE;
}

static void
stop (GstFoveaFilter *filter)
{
    SLOW_FILTER (filter)->n_stopped++;
}

static gboolean
wants (GstFoveaFilter *filter, GstBuffer *buffer, const GstVideoInfo *info)
{
    SlowFilter *self = SLOW_FILTER (filter);

    return self->n_seen++ % (int) self->every == 0;
}

static guint8
look_at (const FovImage *image)
{
    return image->plane[0][0] ^
           image->plane[0][(gsize) image->stride[0] * (gsize) (image->height - 1)];
}

static gpointer
submit (GstFoveaFilter *filter, GstFoveaFrame **frames, guint n, GError **error)
{
    SlowFilter *self = SLOW_FILTER (filter);
    SlowJob *job;

    if (self->n_jobs == self->fail_submit) {
        self->n_jobs++;
        g_set_error (error, FOV_ERROR, FOV_ERROR_DEVICE_LOST, "submit fails");
        return NULL;
    }
    job = g_new0 (SlowJob, 1);
    job->index = self->n_jobs++;
    job->end = g_get_monotonic_time () + self->delay_ms * G_TIME_SPAN_MILLISECOND;
    job->checksum = look_at (&frames[0]->image);
    self->n_running += (int) n;
    self->most_running = MAX (self->most_running, self->n_running);
    return job;
}

static gboolean
collect (GstFoveaFilter *filter, gpointer handle, GstFoveaFrame **frames, guint n, GError **error)
{
    SlowFilter *self = SLOW_FILTER (filter);
    SlowJob *job = handle;
    gint64 left = job->end - g_get_monotonic_time ();
    gboolean ok = job->index != self->fail_collect;

    if (left > 0)
        g_usleep ((gulong) left);
    if (job->checksum != look_at (&frames[0]->image))
        g_error ("the picture changed while the model looked at it");
    self->n_running -= (int) n;
    g_free (job);
    if (!ok)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FAILED, "collect fails");
    return ok;
}

static gboolean
recover (GstFoveaFilter *filter, const GError *error)
{
    return SLOW_FILTER (filter)->recovers;
}

static void
attach (GstFoveaFilter *filter, GstFoveaFrame *frame, GstBuffer *buffer, gboolean skipped)
{
    GstFoveaMeta *meta =
        gst_fovea_buffer_add_meta (buffer, frame->image.width, frame->image.height, 0,
                                   skipped ? GST_FOVEA_META_SKIPPED : GST_FOVEA_META_INFERRED);
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;

    o.x_max = o.y_max = 0.5;
    if (!skipped)
        gst_fovea_buffer_add_object (buffer, meta, &o);
}

static void
slow_filter_init (SlowFilter *self)
{
    self->fail_submit = self->fail_collect = -1;
    self->every = 1;
}

static void
slow_filter_class_init (SlowFilterClass *klass)
{
    GstFoveaFilterClass *filter_class = GST_FOVEA_FILTER_CLASS (klass);

    filter_class->start = start;
    filter_class->stop = stop;
    filter_class->wants = wants;
    filter_class->submit = submit;
    filter_class->collect = collect;
    filter_class->recover = recover;
    filter_class->attach = attach;
    gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Slow", "Test", "Slow", "-");
}
