/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveatrack.h"

#include "gstfoveaelements.h"
#include "gstfoveameta.h"
#include "gstfoveaprops.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

/* A buffer marked as discontinuous, or the first of another segment, that follows within this time
 * is one after dropped frames. */
#define BRIDGED (1 * GST_SECOND)

G_DEFINE_TYPE (GstFoveaTrack, gst_fovea_track, GST_TYPE_BASE_TRANSFORM)

static void
forget (GstFoveaTrack *self)
{
    gst_fovea_track_end_all (self);
    if (self->tracker)
        fov_tracker_reset (self->tracker, FALSE);
    gst_fovea_track_sight_reset (self, FALSE);
    self->last = GST_FOVEA_NO_TIME;
}

/* ---- what comes in ---- */

/* What another tracker holds is no detection. */
static gboolean
is_held (GstBuffer *buffer, const GstFoveaObject *o)
{
    const GstFoveaMeta *meta =
        o->model_instance ? gst_fovea_buffer_get_meta (buffer, o->model_instance) : NULL;

    return meta && (meta->flags & GST_FOVEA_META_TRACKED);
}

static void
collect_detections (GstFoveaTrack *self, GstBuffer *buffer, const char *classes)
{
    float width = (float) GST_VIDEO_INFO_WIDTH (&self->info);
    float height = (float) GST_VIDEO_INFO_HEIGHT (&self->info);

    g_array_set_size (self->detections, 0);
    g_array_set_size (self->places, 0);
    for (guint i = 0; i < self->objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (self->objects, GstFoveaObject, i);
        FovDetection d = { .box = { (float) o->x_min * width, (float) o->y_min * height,
                                    (float) o->x_max * width, (float) o->y_max * height },
                           .score = o->confidence < 0 ? 1 : o->confidence };
        /* What is part of another object moves with it, and would seem hidden by it. */
        if (o->parent_id > 0 || is_held (buffer, o) || !gst_fovea_class_wanted (classes, o->label))
            continue;
        d.label = gst_fovea_track_class_of (self, o);
        g_array_append_val (self->detections, d);
        g_array_append_val (self->places, i);
    }
}

/* ---- what goes out ---- */

static void
set_track (GstFoveaTrack *self, GstFoveaObject *o, const FovTrack *track)
{
    o->track_id = (gint64) (self->id_base + track->id);
    o->track_state = track->state;
    o->track_reason = track->reason;
    o->visibility = track->visibility;
    o->occluder = track->occluder ? (gint64) (self->id_base + track->occluder) : -1;
    o->velocity_x = track->velocity_x / (float) GST_VIDEO_INFO_WIDTH (&self->info);
    o->velocity_y = track->velocity_y / (float) GST_VIDEO_INFO_HEIGHT (&self->info);
}

static GstFoveaObject
object_of (GstFoveaTrack *self, const FovTrack *track)
{
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;
    float width = (float) GST_VIDEO_INFO_WIDTH (&self->info);
    float height = (float) GST_VIDEO_INFO_HEIGHT (&self->info);
    FovBox box = fov_box_clip (track->box, width, height);

    o.x_min = box.x1 / width;
    o.x_max = box.x2 / width;
    o.y_min = box.y1 / height;
    o.y_max = box.y2 / height;
    o.confidence = track->score;
    if (track->label >= 0 && (guint) track->label < self->classes->len) {
        const GstFoveaTrackClassName *c =
            &g_array_index (self->classes, GstFoveaTrackClassName, track->label);
        o.label = c->label;
        o.label_id = c->label_id;
    }
    set_track (self, &o, track);
    return o;
}

/* Tracks that a detection feeds go onto its object. */
static void
mark_objects (GstFoveaTrack *self)
{
    for (guint i = 0; i < self->places->len; i++) {
        GstFoveaObject *o =
            &g_array_index (self->objects, GstFoveaObject, g_array_index (self->places, guint, i));
        o->track_id = o->occluder = -1;
        o->track_state = FOV_TRACK_TENTATIVE;
        o->track_reason = FOV_TRACK_REASON_NONE;
        o->visibility = -1;
        o->velocity_x = o->velocity_y = 0;
    }
    for (guint i = 0; i < self->tracks->len; i++) {
        const FovTrack *track = &g_array_index (self->tracks, FovTrack, i);
        if (track->detection >= 0 && (guint) track->detection < self->places->len)
            set_track (self,
                       &g_array_index (self->objects, GstFoveaObject,
                                       g_array_index (self->places, guint, track->detection)),
                       track);
    }
}

/* The others are objects of their own, or the last of them. */
static void
add_held (GstFoveaTrack *self, GstBuffer *buffer, GstFoveaMeta *meta)
{
    for (guint i = 0; i < self->tracks->len; i++) {
        const FovTrack *track = &g_array_index (self->tracks, FovTrack, i);
        GstFoveaObject o = object_of (self, track);
        if (track->state == FOV_TRACK_REMOVED) {
            if (track->reason != FOV_TRACK_REASON_NEVER_SURE)
                gst_fovea_meta_add_ended (meta, &o);
        } else if (track->detection < 0 && track->state != FOV_TRACK_TENTATIVE &&
                   o.x_max > o.x_min && o.y_max > o.y_min) {
            gst_fovea_buffer_add_object (buffer, meta, &o);
        }
    }
    for (guint i = 0; i < self->forgotten->len; i++)
        gst_fovea_meta_add_ended (meta, &g_array_index (self->forgotten, GstFoveaObject, i));
    g_array_set_size (self->forgotten, 0);
}

void
gst_fovea_track_end_all (GstFoveaTrack *self)
{
    for (guint i = 0; i < self->tracks->len; i++) {
        FovTrack *track = &g_array_index (self->tracks, FovTrack, i);
        GstFoveaObject o;
        if (track->state == FOV_TRACK_REMOVED || track->state == FOV_TRACK_TENTATIVE)
            continue;
        track->state = FOV_TRACK_REMOVED;
        track->reason = FOV_TRACK_REASON_RESET;
        o = object_of (self, track);
        g_array_append_val (self->forgotten, o);
    }
    g_array_set_size (self->tracks, 0);
}

static void
count_tracks (GstFoveaTrack *self)
{
    guint64 n_new = 0;

    for (guint i = 0; i < self->tracks->len; i++) {
        const FovTrack *track = &g_array_index (self->tracks, FovTrack, i);
        self->id_last = MAX (self->id_last, self->id_base + track->id);
        /* Some are sure at once. */
        n_new += (track->reason == FOV_TRACK_REASON_CONFIRMED ||
                  track->reason == FOV_TRACK_REASON_NEW) &&
                 track->state != FOV_TRACK_TENTATIVE;
    }
    GST_OBJECT_LOCK (self);
    self->n_tracks += n_new;
    GST_OBJECT_UNLOCK (self);
}

static void
write_tracks (GstFoveaTrack *self, GstBuffer *buffer)
{
    GST_OBJECT_LOCK (self);
    GQuark instance = g_quark_from_string (GST_OBJECT_NAME (self));
    GST_OBJECT_UNLOCK (self);
    GstFoveaMeta *meta = gst_fovea_buffer_add_meta (buffer, GST_VIDEO_INFO_WIDTH (&self->info),
                                                    GST_VIDEO_INFO_HEIGHT (&self->info), instance,
                                                    GST_FOVEA_META_TRACKED);

    mark_objects (self);
    gst_fovea_buffer_set_tracks (buffer, meta, self->objects);
    add_held (self, buffer, meta);
    count_tracks (self);
}

/* ---- one picture ---- */

/*
 * Where in its stream the picture is, ns, rising in the direction of playback: of loops and seeks
 * within a stream the position goes back where running time goes on.
 */
static gint64
position_of (GstFoveaTrack *self, GstClockTime pts)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
    guint64 position;
    int sign = segment->format == GST_FORMAT_TIME
                   ? gst_segment_to_stream_time_full (segment, GST_FORMAT_TIME, pts, &position)
                   : 0;

    if (sign == 0)
        position = pts;
    else if (segment->rate * segment->applied_rate < 0)
        sign = -sign;
    return (gint64) MIN (position, G_MAXINT64 / 2) * (sign < 0 ? -1 : 1);
}

/* When the picture was, ns; GST_FOVEA_NO_TIME: at no later time than the last one. */
static gint64
time_of (GstFoveaTrack *self, GstBuffer *buffer)
{
    gint64 step = 40 * GST_MSECOND, now, last = self->last;
    gboolean cut = GST_BUFFER_IS_DISCONT (buffer) || self->other_segment;

    if (GST_VIDEO_INFO_FPS_N (&self->info) > 0)
        step = (gint64) gst_util_uint64_scale_int (GST_SECOND, GST_VIDEO_INFO_FPS_D (&self->info),
                                                   GST_VIDEO_INFO_FPS_N (&self->info));
    now = GST_BUFFER_PTS_IS_VALID (buffer) ? position_of (self, GST_BUFFER_PTS (buffer))
          : last == GST_FOVEA_NO_TIME      ? 0
                                           : last + step;
    self->other_segment = FALSE;
    if (last == GST_FOVEA_NO_TIME)
        return now;
    if (now < last - (gint64) BRIDGED || (cut && (now <= last || now > last + (gint64) BRIDGED)))
        forget (self);
    else if (now <= last)
        return GST_FOVEA_NO_TIME;
    return now;
}

static gboolean
update (GstFoveaTrack *self, GstBuffer *buffer, gint64 pts, GError **error)
{
    gboolean ran = gst_fovea_track_look (self, buffer, pts);
    g_autoptr (GError) corrupt = NULL;
    GstVideoFrame frame;
    FovImage image;
    gboolean mapped, ok;

    mapped = gst_fovea_frame_map (&frame, &self->info, buffer, GST_MAP_READ, &corrupt);
    if (!mapped && !self->corrupt_told)
        gst_fovea_post_warning (self, corrupt, "Followed without its pixels");
    self->corrupt_told |= !mapped;
    ok =
        (!mapped || gst_fovea_image_from_frame (&image, &frame, error)) &&
        fov_tracker_update (self->tracker, mapped ? &image : NULL,
                            GST_VIDEO_INFO_WIDTH (&self->info), GST_VIDEO_INFO_HEIGHT (&self->info),
                            (const FovDetection *) self->detections->data, self->detections->len,
                            ran, pts, self->tracks, error);
    if (mapped)
        gst_video_frame_unmap (&frame);
    if (ok)
        self->last = pts;
    return ok;
}

static GstFlowReturn
transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (base);
    g_autoptr (GError) error = NULL;
    g_autofree char *classes = NULL;
    gint64 pts;

    if (!gst_fovea_track_apply (self, &error)) {
        gst_fovea_post_error (self, error, "There is no tracker");
        return GST_FLOW_ERROR;
    }
    pts = time_of (self, buffer);
    if (pts == GST_FOVEA_NO_TIME) {
        if (!self->time_told)
            GST_ELEMENT_WARNING (self, STREAM, FORMAT,
                                 ("Passed without tracks: the frame's time %" GST_TIME_FORMAT
                                  " is not after the last one's",
                                  GST_TIME_ARGS (GST_BUFFER_PTS (buffer))),
                                 (NULL));
        self->time_told = TRUE;
        return GST_FLOW_OK;
    }
    GST_OBJECT_LOCK (self);
    classes = g_strdup (self->settings.object_class);
    GST_OBJECT_UNLOCK (self);
    gst_fovea_buffer_number_rois (buffer);
    gst_fovea_buffer_objects (buffer, &self->info, self->objects);
    collect_detections (self, buffer, classes);
    if (!update (self, buffer, pts, &error)) {
        gst_fovea_post_error (self, error, "Objects can not be followed");
        return GST_FLOW_ERROR;
    }
    write_tracks (self, buffer);
    return GST_FLOW_OK;
}

/* ---- the stream ---- */

static gboolean
set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (base);
    GstVideoInfo info;

    if (!gst_video_info_from_caps (&info, in))
        return FALSE;
    /* Boxes of a picture of another size or look say nothing about this one. */
    if (self->have_info && (GST_VIDEO_INFO_WIDTH (&info) != GST_VIDEO_INFO_WIDTH (&self->info) ||
                            GST_VIDEO_INFO_HEIGHT (&info) != GST_VIDEO_INFO_HEIGHT (&self->info) ||
                            GST_VIDEO_INFO_FORMAT (&info) != GST_VIDEO_INFO_FORMAT (&self->info)))
        forget (self);
    self->info = info;
    self->have_info = TRUE;
    return !self->tracker ||
           fov_tracker_set_frame_rate (self->tracker, gst_fovea_track_rate (&info), NULL);
}

/* A segment that is not the one before, with another end at most, may begin anywhere. */
static void
take_segment (GstFoveaTrack *self, GstEvent *event)
{
    const GstSegment *old = &GST_BASE_TRANSFORM (self)->segment, *new;

    gst_event_parse_segment (event, &new);
    if (old->rate * old->applied_rate * new->rate *new->applied_rate < 0)
        forget (self);
    self->other_segment |= old->format != new->format || old->rate != new->rate ||
                           old->applied_rate != new->applied_rate || old->start != new->start ||
                           old->base != new->base || old->offset != new->offset ||
                           old->time != new->time;
}

static gboolean
sink_event (GstBaseTransform *base, GstEvent *event)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (base);

    if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP ||
        GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
        forget (self);
    if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
        take_segment (self, event);
    return GST_BASE_TRANSFORM_CLASS (gst_fovea_track_parent_class)->sink_event (base, event);
}

static gboolean
start (GstBaseTransform *base)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (base);
    g_autoptr (GError) error = NULL;

    self->have_info = self->corrupt_told = self->time_told = self->other_segment = FALSE;
    self->last = GST_FOVEA_NO_TIME;
    self->id_base = self->id_last = 0;
    gst_fovea_track_sight_reset (self, TRUE);
    g_array_set_size (self->tracks, 0);
    g_array_set_size (self->forgotten, 0);
    GST_OBJECT_LOCK (self);
    self->n_tracks = 0;
    GST_OBJECT_UNLOCK (self);
    if (gst_fovea_track_open (self, &error))
        return TRUE;
    gst_fovea_post_error (self, error, "Can not start");
    return FALSE;
}

static gboolean
stop (GstBaseTransform *base)
{
    gst_fovea_track_close (GST_FOVEA_TRACK (base));
    return TRUE;
}

/* ---- the object ---- */

static void
finalize (GObject *object)
{
    GstFoveaTrack *self = GST_FOVEA_TRACK (object);

    g_array_unref (self->objects);
    g_array_unref (self->detections);
    g_array_unref (self->places);
    g_array_unref (self->tracks);
    g_array_unref (self->forgotten);
    g_clear_pointer (&self->camera_used, g_free);
    gst_fovea_track_sight_clear (self);
    gst_fovea_track_clear_properties (self);
    G_OBJECT_CLASS (gst_fovea_track_parent_class)->finalize (object);
}

static void
gst_fovea_track_init (GstFoveaTrack *self)
{
    self->objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    self->detections = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    self->places = g_array_new (FALSE, FALSE, sizeof (guint));
    self->tracks = g_array_new (FALSE, FALSE, sizeof (FovTrack));
    self->forgotten = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    gst_fovea_track_sight_init (self);
    gst_fovea_track_init_properties (self);
    gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}

static void
gst_fovea_track_class_init (GstFoveaTrackClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_FOVEA_VIDEO_FORMATS));

    object_class->finalize = finalize;
    gst_fovea_track_install_properties (object_class);
    base_class->set_caps = set_caps;
    base_class->sink_event = sink_event;
    base_class->start = start;
    base_class->stop = stop;
    base_class->transform_ip = transform_ip;
    base_class->transform_ip_on_passthrough = FALSE;
    gst_fovea_add_pad_templates (element_class, caps);
    gst_element_class_set_static_metadata (
        element_class, "Fovea tracker", "Filter/Analyzer/Video",
        "Gives objects lasting identities and keeps them through occlusion", "Fovea");
}
