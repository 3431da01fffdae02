/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveajson.h"

#include <json-glib/json-glib.h>
#include <math.h>

#include "gstfoveameta.h"

GType
gst_fovea_json_meta_api_get_type (void)
{
    static gsize type = 0;
    static const char *tags[] = { NULL };

    if (g_once_init_enter (&type))
        g_once_init_leave (&type, gst_meta_api_type_register ("GstFoveaJsonMetaAPI", tags));
    return type;
}

static gboolean
meta_init (GstMeta *meta, gpointer params, GstBuffer *buffer)
{
    ((GstFoveaJsonMeta *) meta)->text = NULL;
    return TRUE;
}

static void
meta_free (GstMeta *meta, GstBuffer *buffer)
{
    g_free (((GstFoveaJsonMeta *) meta)->text);
}

static gboolean
meta_transform (GstBuffer *dest, GstMeta *meta, GstBuffer *buffer, GQuark type, gpointer data)
{
    gst_fovea_buffer_add_json (dest, ((GstFoveaJsonMeta *) meta)->text);
    return TRUE;
}

const GstMetaInfo *
gst_fovea_json_meta_get_info (void)
{
    static const GstMetaInfo *info = NULL;

    if (g_once_init_enter (&info)) {
        const GstMetaInfo *mi =
            gst_meta_register (gst_fovea_json_meta_api_get_type (), "GstFoveaJsonMeta",
                               sizeof (GstFoveaJsonMeta), meta_init, meta_free, meta_transform);
        g_once_init_leave (&info, mi);
    }
    return info;
}

GstFoveaJsonMeta *
gst_fovea_buffer_add_json (GstBuffer *buffer, const char *text)
{
    GstFoveaJsonMeta *meta =
        (GstFoveaJsonMeta *) gst_buffer_get_meta (buffer, gst_fovea_json_meta_api_get_type ());

    if (!meta)
        meta = (GstFoveaJsonMeta *) gst_buffer_add_meta (buffer, gst_fovea_json_meta_get_info (),
                                                         NULL);
    g_free (meta->text);
    meta->text = g_strdup (text);
    return meta;
}

const char *
gst_fovea_buffer_get_json (GstBuffer *buffer)
{
    GstFoveaJsonMeta *meta =
        (GstFoveaJsonMeta *) gst_buffer_get_meta (buffer, gst_fovea_json_meta_api_get_type ());

    return meta ? meta->text : NULL;
}

static void
add_double (JsonBuilder *b, const char *name, double value)
{
    json_builder_set_member_name (b, name);
    /* Micro-units are finer than any box; more digits are float noise. */
    json_builder_add_double_value (b, round (value * 1e6) / 1e6);
}

static void
add_int (JsonBuilder *b, const char *name, gint64 value)
{
    json_builder_set_member_name (b, name);
    json_builder_add_int_value (b, value);
}

static void
add_string (JsonBuilder *b, const char *name, const char *value)
{
    json_builder_set_member_name (b, name);
    json_builder_add_string_value (b, value);
}

/* What a tracker knows beyond the identity. */
static void
add_track (JsonBuilder *b, const GstFoveaObject *o)
{
    json_builder_set_member_name (b, "track");
    json_builder_begin_object (b);
    if (o->track_id >= 0)
        add_int (b, "id", o->track_id);
    if (o->occluder >= 0)
        add_int (b, "occluder", o->occluder);
    if (o->track_reason != FOV_TRACK_REASON_NONE)
        add_string (b, "reason", fov_track_reason_name (o->track_reason));
    add_string (b, "state", fov_track_state_name ((FovTrackState) o->track_state));
    if (o->track_id >= 0) {
        json_builder_set_member_name (b, "velocity");
        json_builder_begin_object (b);
        add_double (b, "x", o->velocity_x);
        add_double (b, "y", o->velocity_y);
        json_builder_end_object (b);
    }
    if (o->visibility >= 0)
        add_double (b, "visibility", o->visibility);
    json_builder_end_object (b);
}

static void
add_ended (JsonBuilder *b, const GArray *ended)
{
    json_builder_set_member_name (b, "ended");
    json_builder_begin_array (b);
    for (guint i = 0; i < ended->len; i++) {
        const GstFoveaObject *o = &g_array_index (ended, GstFoveaObject, i);
        json_builder_begin_object (b);
        add_int (b, "id", o->track_id);
        if (o->label)
            add_string (b, "label", g_quark_to_string (o->label));
        add_string (b, "reason", fov_track_reason_name (o->track_reason));
        json_builder_end_object (b);
    }
    json_builder_end_array (b);
}

static void
add_object (JsonBuilder *b, const GstFoveaObject *o, const GstVideoInfo *info)
{
    int width = GST_VIDEO_INFO_WIDTH (info), height = GST_VIDEO_INFO_HEIGHT (info);
    gint64 x = llround (o->x_min * width), y = llround (o->y_min * height);
    const char *label = o->label ? g_quark_to_string (o->label) : NULL;

    json_builder_begin_object (b);
    json_builder_set_member_name (b, "detection");
    json_builder_begin_object (b);
    json_builder_set_member_name (b, "bounding_box");
    json_builder_begin_object (b);
    add_double (b, "x_max", o->x_max);
    add_double (b, "x_min", o->x_min);
    add_double (b, "y_max", o->y_max);
    add_double (b, "y_min", o->y_min);
    json_builder_end_object (b);
    if (o->confidence >= 0)
        add_double (b, "confidence", o->confidence);
    if (label)
        add_string (b, "label", label);
    if (o->label_id >= 0)
        add_int (b, "label_id", o->label_id);
    json_builder_end_object (b);
    add_int (b, "h", llround (o->y_max * height) - y);
    if (gst_fovea_object_is_tracked (o))
        add_int (b, "id", o->track_id);
    if (label)
        add_string (b, "roi_type", label);
    if (o->track_state >= 0)
        add_track (b, o);
    add_int (b, "w", llround (o->x_max * width) - x);
    add_int (b, "x", x);
    add_int (b, "y", y);
    json_builder_end_object (b);
}

char *
gst_fovea_json_from_buffer (GstBuffer *buffer, const GstVideoInfo *info,
                            const GstFoveaJsonParams *params, GArray *scratch)
{
    guint n_ended = gst_fovea_buffer_ended (buffer, info, scratch);
    g_autoptr (JsonBuilder) b = json_builder_new ();

    json_builder_begin_object (b);
    if (n_ended)
        add_ended (b, scratch);
    guint n = gst_fovea_buffer_objects (buffer, info, scratch);
    if (n == 0 && n_ended == 0 && !params->add_empty)
        return NULL;
    json_builder_set_member_name (b, "objects");
    json_builder_begin_array (b);
    for (guint i = 0; i < n; i++)
        add_object (b, &g_array_index (scratch, GstFoveaObject, i), info);
    json_builder_end_array (b);
    json_builder_set_member_name (b, "resolution");
    json_builder_begin_object (b);
    add_int (b, "height", GST_VIDEO_INFO_HEIGHT (info));
    add_int (b, "width", GST_VIDEO_INFO_WIDTH (info));
    json_builder_end_object (b);
    if (params->source)
        add_string (b, "source", params->source);
    if (params->tags) {
        json_builder_set_member_name (b, "tags");
        json_builder_add_value (b, json_from_string (params->tags, NULL));
    }
    if (GST_BUFFER_PTS_IS_VALID (buffer))
        add_int (b, "timestamp", (gint64) GST_BUFFER_PTS (buffer));
    json_builder_end_object (b);

    g_autoptr (JsonNode) root = json_builder_get_root (b);
    return json_to_string (root, FALSE);
}
