/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveadetect.h"

#include "gstfoveaelements.h"
#include "gstfoveameta.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

G_DEFINE_TYPE (GstFoveaDetect, gst_fovea_detect, GST_TYPE_FOVEA_FILTER)

/* --- loading, at the start and beside the running detector --- */

static void
tell_swapped (GstFoveaDetect *self, const char *model)
{
    GstStructure *s =
        gst_structure_new ("fovea-model-changed", "model", G_TYPE_STRING, model, NULL);

    gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), s));
}

/* With the lock: the properties say again what runs, thresholds apart, which need no loading. */
static void
put_back (GstFoveaDetect *self)
{
    float threshold = self->settings.threshold, iou_threshold = self->settings.iou_threshold;

    gst_fovea_detect_settings_clear (&self->settings);
    gst_fovea_detect_settings_copy (&self->settings, &self->used);
    self->settings.threshold = threshold;
    self->settings.iou_threshold = iou_threshold;
    self->new_device = FALSE;
}

static void
tell_kept (GstFoveaDetect *self, const GError *error)
{
    gst_fovea_post_warning (self, error, "The change is not made, the old model stays");
    g_object_notify (G_OBJECT (self), "model");
    g_object_notify (G_OBJECT (self), "device");
}

/* Keeps loading until the settings hold still. */
static gpointer
loader_main (gpointer data)
{
    GstFoveaDetect *self = data;
    gboolean again = TRUE;

    while (again) {
        GstFoveaDetectSettings settings;
        g_autoptr (GError) error = NULL;
        g_autoptr (FovDetector) loaded = NULL;
        g_autoptr (FovDevice) device = NULL;

        g_mutex_lock (&self->lock);
        guint generation = self->generation;
        gst_fovea_detect_settings_copy (&settings, &self->settings);
        if (self->detector && !self->new_device)
            device = fov_device_ref (fov_detector_device (self->detector));
        g_mutex_unlock (&self->lock);

        loaded = gst_fovea_detect_load (&settings, device, &error);

        g_mutex_lock (&self->lock);
        again = generation != self->generation;
        gboolean swap = loaded && !again;
        if (error && !again)
            put_back (self);
        if (swap) {
            gst_fovea_detect_settings_clear (&self->used);
            gst_fovea_detect_settings_copy (&self->used, &settings);
            g_clear_pointer (&self->pending, fov_detector_unref);
            self->pending = g_steal_pointer (&loaded);
            self->pending_batch = settings.batch;
            self->new_device = FALSE;
        }
        self->loading = again;
        g_mutex_unlock (&self->lock);

        if (swap)
            tell_swapped (self, settings.model);
        else if (error && !again)
            tell_kept (self, error);
        gst_fovea_detect_settings_clear (&settings);
    }
    g_mutex_lock (&self->lock);
    self->n_loaders--;
    g_cond_broadcast (&self->loaded);
    g_mutex_unlock (&self->lock);
    return NULL;
}

/* Starts the loader, or makes the one under way start over. */
void
gst_fovea_detect_reload (GstFoveaDetect *self, gboolean new_device)
{
    g_mutex_lock (&self->lock);
    self->new_device |= new_device;
    if (self->running) {
        self->generation++;
        if (!self->loading) {
            self->loading = TRUE;
            self->n_loaders++;
            g_thread_unref (g_thread_new ("fovea-loader", loader_main, self));
        }
    }
    g_mutex_unlock (&self->lock);
}

static gboolean
start (GstFoveaFilter *filter, GError **error)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (filter);
    GstFoveaDetectSettings settings;

    g_mutex_lock (&self->lock);
    gst_fovea_detect_settings_copy (&settings, &self->settings);
    g_mutex_unlock (&self->lock);
    FovDetector *detector = gst_fovea_detect_load (&settings, NULL, error);
    guint batch = settings.batch;
    if (!detector) {
        gst_fovea_detect_settings_clear (&settings);
        return FALSE;
    }

    gst_fovea_filter_set_capacity (filter, 2, batch);
    g_mutex_lock (&self->lock);
    gst_fovea_detect_settings_clear (&self->used);
    self->used = settings;
    self->detector = detector;
    self->batch = batch;
    self->n_seen = 0;
    self->new_device = FALSE;
    self->running = TRUE;
    g_mutex_unlock (&self->lock);
    return TRUE;
}

static void
stop (GstFoveaFilter *filter)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (filter);

    g_mutex_lock (&self->lock);
    self->running = FALSE;
    while (self->n_loaders)
        g_cond_wait (&self->loaded, &self->lock);
    g_mutex_unlock (&self->lock);
    g_clear_pointer (&self->detector, fov_detector_unref);
    g_clear_pointer (&self->pending, fov_detector_unref);
}

/* A device that went away is opened again beside the stream. */
static gboolean
recover (GstFoveaFilter *filter, const GError *error)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (filter);

    if (!g_error_matches (error, FOV_ERROR, FOV_ERROR_DEVICE_LOST))
        return FALSE;
    g_mutex_lock (&self->lock);
    gboolean loading = self->loading || self->pending;
    g_mutex_unlock (&self->lock);
    if (!loading) {
        gst_fovea_post_warning (filter, error, "Opening the device again");
        gst_fovea_detect_reload (self, TRUE);
    }
    return TRUE;
}

/* --- frames --- */

static gboolean
wants (GstFoveaFilter *filter, GstBuffer *buffer, const GstVideoInfo *info)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (filter);

    g_mutex_lock (&self->lock);
    gboolean turn = self->n_seen++ % self->interval == 0;
    g_mutex_unlock (&self->lock);
    return turn;
}

/* One part of one picture that the detector looks at. */
typedef struct {
    guint frame;
    FovBox region;
    int parent;
} Task;

/* One ticket at a time is out per job, so that jobs never wait for each other's slots. */
typedef struct {
    FovDetector *detector;
    guint batch;
    gboolean regions;
    GArray *tasks;
    guint next, n_out; /* tasks submitted before, in the ticket */
    FovTicket ticket;
} Job;

static void
job_free (Job *job)
{
    g_clear_pointer (&job->detector, fov_detector_unref);
    g_array_unref (job->tasks);
    g_free (job);
}

static void
add_region_tasks (Job *job, guint index, GstFoveaFrame *frame, const char *classes)
{
    g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    float width = (float) frame->image.width, height = (float) frame->image.height;

    gst_fovea_buffer_objects (frame->buffer, &frame->video.info, objects);
    for (guint i = 0; i < objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, i);
        Task task = { index,
                      { (float) o->x_min * width, (float) o->y_min * height,
                        (float) o->x_max * width, (float) o->y_max * height },
                      o->roi_id };
        if (o->model_instance != frame->instance && gst_fovea_class_wanted (classes, o->label) &&
            task.region.x2 - task.region.x1 >= 1 && task.region.y2 - task.region.y1 >= 1)
            g_array_append_val (job->tasks, task);
    }
}

/* Takes the loaded detector over, if there is one, and describes the work. */
static Job *
make_job (GstFoveaDetect *self, GstFoveaFrame **frames, guint n)
{
    Job *job = g_new0 (Job, 1);
    g_autofree char *classes = NULL;
    FovDetector *old = NULL;

    g_mutex_lock (&self->lock);
    if (self->pending) {
        old = self->detector;
        self->detector = g_steal_pointer (&self->pending);
        self->batch = self->pending_batch;
        /* The properties may have moved while it was loaded. */
        fov_detector_set_threshold (self->detector, self->settings.threshold);
        fov_detector_set_iou_threshold (self->detector, self->settings.iou_threshold);
    }
    job->detector = fov_detector_ref (self->detector);
    job->batch = MAX (self->batch, 1);
    job->regions = self->region == GST_FOVEA_REGION_ROI_LIST;
    classes = g_strdup (self->object_class);
    GQuark instance = g_quark_from_string (
        self->instance && *self->instance ? self->instance : GST_OBJECT_NAME (self));
    g_mutex_unlock (&self->lock);

    if (old) {
        fov_detector_unref (old);
        gst_fovea_filter_set_capacity (GST_FOVEA_FILTER (self), 2, job->batch);
    }
    job->tasks = g_array_new (FALSE, FALSE, sizeof (Task));
    for (guint i = 0; i < n; i++) {
        Task whole = { i,
                       { 0, 0, (float) frames[i]->image.width, (float) frames[i]->image.height },
                       -1 };
        frames[i]->instance = instance;
        if (job->regions)
            add_region_tasks (job, i, frames[i], classes);
        else
            g_array_append_val (job->tasks, whole);
    }
    return job;
}

/* Submits the next tasks of the job; FALSE with error. */
static gboolean
submit_next (Job *job, GstFoveaFrame **frames, GError **error)
{
    guint n = MIN (job->batch, job->tasks->len - job->next);
    FovImage images[64];
    FovBox regions[64];

    job->n_out = 0;
    job->ticket = 0;
    if (n == 0)
        return TRUE;
    for (guint i = 0; i < n; i++) {
        const Task *task = &g_array_index (job->tasks, Task, job->next + i);
        images[i] = frames[task->frame]->image;
        regions[i] = task->region;
    }
    job->ticket =
        fov_detector_submit_batch (job->detector, images, job->regions ? regions : NULL, n, error);
    job->n_out = n;
    return job->ticket != 0;
}

static gpointer
submit (GstFoveaFilter *filter, GstFoveaFrame **frames, guint n, GError **error)
{
    Job *job = make_job (GST_FOVEA_DETECT (filter), frames, n);

    if (!submit_next (job, frames, error)) {
        job_free (job);
        return NULL;
    }
    return job;
}

/* What stands beside each detection in GstFoveaFrame.extra. */
typedef struct {
    GQuark label;
    int parent;
} Extra;

static void
keep_results (Job *job, const Task *task, GstFoveaFrame *frame, const GArray *found)
{
    FovLabels *labels = fov_detector_labels (job->detector);

    if (!frame->detections) {
        frame->detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
        frame->extra = g_array_new (FALSE, FALSE, sizeof (Extra));
    }
    for (guint i = 0; i < found->len; i++) {
        const FovDetection *d = &g_array_index (found, FovDetection, i);
        const char *name = labels && d->label >= 0 ? fov_labels_get (labels, (guint) d->label) : "";
        Extra extra = { name && *name ? g_quark_from_string (name) : 0, task->parent };
        g_array_append_val (frame->detections, *d);
        g_array_append_val (frame->extra, extra);
    }
}

static gboolean
wait_ticket (Job *job, GstFoveaFrame **frames, GError **error)
{
    GArray *found[64];

    for (guint i = 0; i < job->n_out; i++)
        found[i] = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    gboolean ok = fov_detector_wait_batch (job->detector, job->ticket, found, job->n_out, error);
    for (guint i = 0; i < job->n_out; i++) {
        const Task *task = &g_array_index (job->tasks, Task, job->next + i);
        if (ok)
            keep_results (job, task, frames[task->frame], found[i]);
        g_array_unref (found[i]);
    }
    job->next += job->n_out;
    return ok;
}

static gboolean
collect (GstFoveaFilter *filter, gpointer handle, GstFoveaFrame **frames, guint n, GError **error)
{
    Job *job = handle;
    gboolean ok = TRUE;

    while (ok && job->ticket)
        ok = wait_ticket (job, frames, error) && submit_next (job, frames, error);
    job_free (job);
    return ok;
}

static void
attach (GstFoveaFilter *filter, GstFoveaFrame *frame, GstBuffer *buffer, gboolean skipped)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (filter);
    double width = frame->image.width, height = frame->image.height;
    GstFoveaMetaFlags flags = skipped ? GST_FOVEA_META_SKIPPED : GST_FOVEA_META_INFERRED;

    g_mutex_lock (&self->lock);
    if (self->region == GST_FOVEA_REGION_ROI_LIST)
        flags |= GST_FOVEA_META_REGIONS;
    g_mutex_unlock (&self->lock);
    GstFoveaMeta *meta = gst_fovea_buffer_add_meta (buffer, frame->image.width, frame->image.height,
                                                    frame->instance, flags);

    for (guint i = 0; !skipped && frame->detections && i < frame->detections->len; i++) {
        const FovDetection *d = &g_array_index (frame->detections, FovDetection, i);
        const Extra *extra = &g_array_index (frame->extra, Extra, i);
        GstFoveaObject o = GST_FOVEA_OBJECT_INIT;
        o.x_min = d->box.x1 / width;
        o.x_max = d->box.x2 / width;
        o.y_min = d->box.y1 / height;
        o.y_max = d->box.y2 / height;
        o.confidence = d->score;
        o.label_id = d->label;
        o.label = extra->label;
        o.parent_id = extra->parent;
        gst_fovea_buffer_add_object (buffer, meta, &o);
    }
}

/* --- the object --- */

static void
finalize (GObject *object)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (object);

    gst_fovea_detect_settings_clear (&self->settings);
    gst_fovea_detect_settings_clear (&self->used);
    g_free (self->object_class);
    g_free (self->instance);
    g_mutex_clear (&self->lock);
    g_cond_clear (&self->loaded);
    G_OBJECT_CLASS (gst_fovea_detect_parent_class)->finalize (object);
}

static void
gst_fovea_detect_init (GstFoveaDetect *self)
{
    g_mutex_init (&self->lock);
    g_cond_init (&self->loaded);
}

static void
gst_fovea_detect_class_init (GstFoveaDetectClass *klass)
{
    GstFoveaFilterClass *filter_class = GST_FOVEA_FILTER_CLASS (klass);

    G_OBJECT_CLASS (klass)->finalize = finalize;
    gst_fovea_detect_install_properties (G_OBJECT_CLASS (klass));
    filter_class->start = start;
    filter_class->stop = stop;
    filter_class->wants = wants;
    filter_class->submit = submit;
    filter_class->collect = collect;
    filter_class->recover = recover;
    filter_class->attach = attach;
    gst_element_class_set_static_metadata (GST_ELEMENT_CLASS (klass), "Fovea detector",
                                           "Filter/Analyzer/Video",
                                           "Finds objects in pictures with a neural network",
                                           "Fovea");
}
