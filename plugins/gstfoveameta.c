/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveameta.h"

#include <math.h>

#ifdef HAVE_GST_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

GType
gst_fovea_meta_api_get_type (void)
{
    static gsize type = 0;
    static const char *tags[] = { GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_SIZE_STR,
                                  GST_META_TAG_VIDEO_ORIENTATION_STR, NULL };

    if (g_once_init_enter (&type))
        g_once_init_leave (&type, gst_meta_api_type_register ("GstFoveaMetaAPI", tags));
    return type;
}

static gboolean
meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    GstFoveaMeta *fovea = (GstFoveaMeta *) meta;

    fovea->width = fovea->height = 0;
    fovea->model_instance = 0;
    fovea->flags = 0;
    fovea->objects = g_array_new (FALSE, TRUE, sizeof (GstFoveaObject));
    fovea->ended = NULL;
    return TRUE;
}

static void
meta_free (GstMeta *meta, GstBuffer *buffer)
{
    g_array_unref (((GstFoveaMeta *) meta)->objects);
    g_clear_pointer (&((GstFoveaMeta *) meta)->ended, g_array_unref);
}

/* The part of the output that a scaler with borders fills, 0..1. */
typedef struct {
    double x, y, w, h;
} Inner;

static Inner
inner_of_scale (const GstVideoInfo *in, const GstVideoInfo *out)
{
    Inner inner = { 0, 0, 1, 1 };
    int from_n, from_d, to_n, to_d, n, d;

    if (!gst_util_fraction_multiply (in->width, in->height, in->par_n, in->par_d, &from_n,
                                     &from_d) ||
        !gst_util_fraction_multiply (out->width, out->height, out->par_n, out->par_d, &to_n,
                                     &to_d) ||
        (from_n == to_n && from_d == to_d) ||
        !gst_util_fraction_multiply (from_n, from_d, out->par_d, out->par_n, &n, &d))
        return inner;

    /* The scaler rounds the filled part to pixels and centres it. */
    guint64 h = gst_util_uint64_scale_int (out->width, d, n);
    guint64 w = gst_util_uint64_scale_int (out->height, n, d);
    if (h <= (guint64) out->height) {
        inner.h = (double) h / out->height;
        inner.y = (double) ((out->height - h) / 2) / out->height;
    } else {
        inner.w = (double) w / out->width;
        inner.x = (double) ((out->width - w) / 2) / out->width;
    }
    return inner;
}

static void
copy_objects (GArray *dst, const GArray *src, Inner inner)
{
    for (guint i = 0; i < src->len; i++) {
        GstFoveaObject o = g_array_index (src, GstFoveaObject, i);
        o.x_min = inner.x + o.x_min * inner.w;
        o.x_max = inner.x + o.x_max * inner.w;
        o.y_min = inner.y + o.y_min * inner.h;
        o.y_max = inner.y + o.y_max * inner.h;
        o.velocity_x *= (float) inner.w;
        o.velocity_y *= (float) inner.h;
        g_array_append_val (dst, o);
    }
}

static GArray *
ended_of (GstFoveaMeta *meta)
{
    if (!meta->ended)
        meta->ended = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    return meta->ended;
}

static gboolean
meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer, GQuark type, gpointer data)
{
    const GstFoveaMeta *src = (const GstFoveaMeta *) meta;
    Inner inner = { 0, 0, 1, 1 };
    int width = src->width, height = src->height;

    if (GST_META_TRANSFORM_IS_COPY (type)) {
        /* Part of a buffer is not the picture any more. */
        if (((GstMetaTransformCopy *) data)->region)
            return FALSE;
    } else if (GST_VIDEO_META_TRANSFORM_IS_SCALE (type)) {
        const GstVideoMetaTransform *scale = data;
        if (GST_VIDEO_INFO_WIDTH (scale->in_info) != width ||
            GST_VIDEO_INFO_HEIGHT (scale->in_info) != height)
            return FALSE;
        inner = inner_of_scale (scale->in_info, scale->out_info);
        width = GST_VIDEO_INFO_WIDTH (scale->out_info);
        height = GST_VIDEO_INFO_HEIGHT (scale->out_info);
    } else {
        return FALSE;
    }

    GstFoveaMeta *dst =
        gst_fovea_buffer_add_meta (dest, width, height, src->model_instance, src->flags);
    copy_objects (dst->objects, src->objects, inner);
    if (src->ended)
        copy_objects (ended_of (dst), src->ended, inner);
    return TRUE;
}

const GstMetaInfo *
gst_fovea_meta_get_info (void)
{
    static const GstMetaInfo *info = NULL;

    if (g_once_init_enter (&info)) {
        const GstMetaInfo *mi =
            gst_meta_register (gst_fovea_meta_api_get_type (), "GstFoveaMeta",
                               sizeof (GstFoveaMeta), meta_init, meta_free, meta_transform);
        g_once_init_leave (&info, mi);
    }
    return info;
}

static GstFoveaMeta *
find_meta (GstBuffer *buffer, gboolean any, GQuark model_instance)
{
    gpointer state = NULL;
    GstMeta *meta;

    while ((
        meta = gst_buffer_iterate_meta_filtered (buffer, &state, gst_fovea_meta_api_get_type ()))) {
        GstFoveaMeta *fovea = (GstFoveaMeta *) meta;
        if (any || fovea->model_instance == model_instance)
            return fovea;
    }
    return NULL;
}

GstFoveaMeta *
gst_fovea_buffer_get_meta (GstBuffer *buffer, GQuark model_instance)
{
    return find_meta (buffer, model_instance == 0, model_instance);
}

GstFoveaMeta *
gst_fovea_buffer_add_meta (GstBuffer *buffer, int width, int height, GQuark model_instance,
                           GstFoveaMetaFlags flags)
{
    GstFoveaMeta *meta = find_meta (buffer, FALSE, model_instance);

    if (!meta)
        meta = (GstFoveaMeta *) gst_buffer_add_meta (buffer, gst_fovea_meta_get_info (), NULL);
    g_array_set_size (meta->objects, 0);
    g_clear_pointer (&meta->ended, g_array_unref);
    meta->width = width;
    meta->height = height;
    meta->model_instance = model_instance;
    meta->flags = flags;
    return meta;
}

#ifdef HAVE_GST_ANALYTICS
static void
add_analytics (GstBuffer *buffer, const GstFoveaMeta *meta, const GstFoveaObject *o, guint x,
               guint y, guint w, guint h)
{
    GstAnalyticsRelationMeta *rmeta = gst_buffer_get_analytics_relation_meta (buffer);
    GstAnalyticsODMtd mtd;

    if (!rmeta)
        rmeta = gst_buffer_add_analytics_relation_meta (buffer);
    gst_analytics_relation_meta_add_od_mtd (rmeta, o->label, x, y, w, h, o->confidence, &mtd);
}
#endif

gboolean
gst_fovea_object_is_tracked (const GstFoveaObject *object)
{
    return object->track_id >= 0 && object->track_state != FOV_TRACK_TENTATIVE;
}

/* The identity as others know it: gvatrack's parameter of the ROI meta, and our state. */
static void
set_roi_track (GstVideoRegionOfInterestMeta *roi, const GstFoveaObject *object)
{
    GstStructure *s = gst_video_region_of_interest_meta_get_param (roi, "object_id");

    if (!gst_fovea_object_is_tracked (object))
        return;
    if (!s) {
        s = gst_structure_new_empty ("object_id");
        gst_video_region_of_interest_meta_add_param (roi, s);
    }
    gst_structure_set (s, "id", G_TYPE_INT, (int) object->track_id, NULL);
    if (object->track_state >= 0)
        gst_structure_set (s, "state", G_TYPE_STRING,
                           fov_track_state_name ((FovTrackState) object->track_state), NULL);
}

void
gst_fovea_buffer_add_object (GstBuffer *buffer, GstFoveaMeta *meta, GstFoveaObject *object)
{
    guint x = (guint) lround (CLAMP (object->x_min, 0, 1) * meta->width);
    guint y = (guint) lround (CLAMP (object->y_min, 0, 1) * meta->height);
    guint right = (guint) lround (CLAMP (object->x_max, 0, 1) * meta->width);
    guint bottom = (guint) lround (CLAMP (object->y_max, 0, 1) * meta->height);
    guint w = right > x ? right - x : 0, h = bottom > y ? bottom - y : 0;
    GQuark roi_type = object->label ? object->label : g_quark_from_static_string ("object");

    if (object->roi_id < 0)
        object->roi_id = (int) (gst_util_seqnum_next () & G_MAXINT);
    object->model_instance = meta->model_instance;

    GstVideoRegionOfInterestMeta *roi =
        gst_buffer_add_video_region_of_interest_meta_id (buffer, roi_type, x, y, w, h);
    roi->id = object->roi_id;
    roi->parent_id = object->parent_id;
    gst_video_region_of_interest_meta_add_param (
        roi, gst_structure_new ("detection", "x_min", G_TYPE_DOUBLE, object->x_min, "x_max",
                                G_TYPE_DOUBLE, object->x_max, "y_min", G_TYPE_DOUBLE, object->y_min,
                                "y_max", G_TYPE_DOUBLE, object->y_max, "confidence", G_TYPE_DOUBLE,
                                (double) object->confidence, "label_id", G_TYPE_INT,
                                object->label_id, NULL));
    set_roi_track (roi, object);
#ifdef HAVE_GST_ANALYTICS
    add_analytics (buffer, meta, object, x, y, w, h);
#endif
    g_array_append_val (meta->objects, *object);
}

/* The picture as it is now: what part of which size. */
typedef struct {
    double width, height;
    const GstVideoCropMeta *crop;
} View;

static gboolean
push_clipped (GArray *objects, GstFoveaObject o, double from_w, double from_h, const View *view)
{
    double dx = view->crop ? view->crop->x : 0, dy = view->crop ? view->crop->y : 0;

    o.x_min = CLAMP ((o.x_min * from_w - dx) / view->width, 0, 1);
    o.x_max = CLAMP ((o.x_max * from_w - dx) / view->width, 0, 1);
    o.y_min = CLAMP ((o.y_min * from_h - dy) / view->height, 0, 1);
    o.y_max = CLAMP ((o.y_max * from_h - dy) / view->height, 0, 1);
    o.velocity_x *= (float) (from_w / view->width);
    o.velocity_y *= (float) (from_h / view->height);
    if (!(o.x_max > o.x_min) || !(o.y_max > o.y_min))
        return FALSE;
    g_array_append_val (objects, o);
    return TRUE;
}

static void
collect_own (const GstFoveaMeta *meta, const GArray *from, const View *view, GArray *objects)
{
    /* Without a crop the boxes can only belong to a picture of this size. */
    gboolean same = meta->width == (int) view->width && meta->height == (int) view->height;
    View now = *view;

    if (same)
        now.crop = NULL;
    for (guint i = 0; (same || now.crop) && i < from->len; i++)
        push_clipped (objects, g_array_index (from, GstFoveaObject, i), meta->width, meta->height,
                      &now);
}

static GstFoveaMeta *
next_own (GstBuffer *buffer, gpointer *state)
{
    return (GstFoveaMeta *) gst_buffer_iterate_meta_filtered (buffer, state,
                                                              gst_fovea_meta_api_get_type ());
}

static GstVideoRegionOfInterestMeta *
next_roi (GstBuffer *buffer, gpointer *state)
{
    return (GstVideoRegionOfInterestMeta *) gst_buffer_iterate_meta_filtered (
        buffer, state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

static void
collect_roi (const GstVideoRegionOfInterestMeta *roi, const View *view, GArray *objects)
{
    GstFoveaObject o = GST_FOVEA_OBJECT_INIT;
    GstStructure *s =
        gst_video_region_of_interest_meta_get_param ((GstVideoRegionOfInterestMeta *) roi,
                                                     "detection");
    double confidence;
    int id;

    o.label = roi->roi_type;
    o.roi_id = roi->id;
    o.parent_id = roi->parent_id;
    o.x_min = roi->x;
    o.y_min = roi->y;
    o.x_max = (double) roi->x + roi->w;
    o.y_max = (double) roi->y + roi->h;
    if (s) {
        gst_structure_get_int (s, "label_id", &o.label_id);
        if (gst_structure_get_double (s, "confidence", &confidence) && isfinite (confidence))
            o.confidence = (float) confidence;
    }
    s = gst_video_region_of_interest_meta_get_param ((GstVideoRegionOfInterestMeta *) roi,
                                                     "object_id");
    if (s && gst_structure_get_int (s, "id", &id))
        o.track_id = id;
    push_clipped (objects, o, 1, 1, view);
}

static View
view_of (GstBuffer *buffer, const GstVideoInfo *info)
{
    return (View){ GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info),
                   gst_buffer_get_video_crop_meta (buffer) };
}

guint
gst_fovea_buffer_objects (GstBuffer *buffer, const GstVideoInfo *info, GArray *objects)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    const View view = view_of (buffer, info);
    gpointer state = NULL;
    GstFoveaMeta *meta;
    GstVideoRegionOfInterestMeta *roi;

    g_array_set_size (objects, 0);
    while ((meta = next_own (buffer, &state))) {
        collect_own (meta, meta->objects, &view, objects);
        for (guint i = 0; i < meta->objects->len; i++)
            g_hash_table_add (seen, GINT_TO_POINTER (
                                        g_array_index (meta->objects, GstFoveaObject, i).roi_id));
    }
    state = NULL;
    while ((roi = next_roi (buffer, &state))) {
        if (!g_hash_table_contains (seen, GINT_TO_POINTER (roi->id)))
            collect_roi (roi, &view, objects);
    }
    return objects->len;
}

guint
gst_fovea_buffer_ended (GstBuffer *buffer, const GstVideoInfo *info, GArray *ended)
{
    const View view = view_of (buffer, info);
    gpointer state = NULL;
    GstFoveaMeta *meta;

    g_array_set_size (ended, 0);
    while ((meta = next_own (buffer, &state)))
        if (meta->ended)
            collect_own (meta, meta->ended, &view, ended);
    return ended->len;
}

void
gst_fovea_buffer_number_rois (GstBuffer *buffer)
{
    gpointer state = NULL;
    GstVideoRegionOfInterestMeta *roi;

    while ((roi = next_roi (buffer, &state)))
        if (roi->id <= 0)
            roi->id = (int) (gst_util_seqnum_next () & G_MAXINT);
}

static void
copy_track (GstFoveaObject *to, const GstFoveaObject *from)
{
    to->track_id = from->track_id;
    to->track_state = from->track_state;
    to->track_reason = from->track_reason;
    to->visibility = from->visibility;
    to->occluder = from->occluder;
    to->velocity_x = from->velocity_x;
    to->velocity_y = from->velocity_y;
}

void
gst_fovea_buffer_set_tracks (GstBuffer *buffer, GstFoveaMeta *meta, const GArray *objects)
{
    g_autoptr (GHashTable) by_roi = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) ours = g_hash_table_new (NULL, NULL);
    gpointer state = NULL;
    GstFoveaMeta *own;
    GstVideoRegionOfInterestMeta *roi;
    const GstFoveaObject *object;

    for (guint i = 0; i < objects->len; i++) {
        GstFoveaObject *o = &g_array_index (objects, GstFoveaObject, i);
        g_hash_table_insert (by_roi, GINT_TO_POINTER (o->roi_id), o);
    }
    while ((own = next_own (buffer, &state)))
        for (guint i = 0; i < own->objects->len; i++) {
            GstFoveaObject *o = &g_array_index (own->objects, GstFoveaObject, i);
            gpointer key = GINT_TO_POINTER (o->roi_id);
            g_hash_table_add (ours, key);
            if ((object = g_hash_table_lookup (by_roi, key)))
                copy_track (o, object);
        }
    state = NULL;
    while ((roi = next_roi (buffer, &state))) {
        gpointer key = GINT_TO_POINTER (roi->id);
        if (!(object = g_hash_table_lookup (by_roi, key)))
            continue;
        set_roi_track (roi, object);
        if (!g_hash_table_contains (ours, key))
            g_array_append_val (meta->objects, *object);
    }
}

void
gst_fovea_meta_add_ended (GstFoveaMeta *meta, const GstFoveaObject *object)
{
    g_array_append_val (ended_of (meta), *object);
}

gboolean
gst_fovea_class_wanted (const char *classes, GQuark label)
{
    g_auto (GStrv) names = classes && *classes ? g_strsplit (classes, ",", -1) : NULL;

    if (!names)
        return TRUE;
    for (guint i = 0; names[i]; i++) {
        if (label && g_ascii_strcasecmp (g_strstrip (names[i]), g_quark_to_string (label)) == 0)
            return TRUE;
    }
    return FALSE;
}
