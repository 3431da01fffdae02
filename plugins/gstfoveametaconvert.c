/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/base/gstbasetransform.h>
#include <json-glib/json-glib.h>

#include "gstfoveaelements.h"
#include "gstfoveajson.h"
#include "gstfoveameta.h"
#include "gstfoveaprops.h"

#define GST_CAT_DEFAULT gst_fovea_debug

G_DECLARE_FINAL_TYPE (GstFoveaMetaConvert, gst_fovea_meta_convert, GST, FOVEA_META_CONVERT,
                      GstBaseTransform)

typedef enum { FORMAT_JSON } ConvertFormat;

struct _GstFoveaMetaConvert {
    GstBaseTransform parent;
    GstVideoInfo info;
    GArray *objects;
    /* under the object lock */
    ConvertFormat format;
    char *source;
    char *tags;
    gboolean add_empty;
};

G_DEFINE_TYPE (GstFoveaMetaConvert, gst_fovea_meta_convert, GST_TYPE_BASE_TRANSFORM)

enum { PROP_FORMAT = 1, PROP_SOURCE, PROP_TAGS, PROP_ADD_EMPTY };

static GType
convert_format_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        { FORMAT_JSON, "One line of JSON per picture, gvametaconvert's schema", "json" },
        { 0, NULL, NULL }
    };

    return gst_fovea_enum_type (&type, "GstFoveaMetaConvertFormat", values);
}

/* A record takes nothing else than a JSON object. */
static gboolean
tags_fit (GstFoveaMetaConvert *self, const char *text)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) node = NULL;

    if (!text || !*text)
        return TRUE;
    node = json_from_string (text, &error);
    if (node && JSON_NODE_HOLDS_OBJECT (node))
        return TRUE;
    GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
                         ("Property tags is kept: \"%s\" is not a JSON object", text),
                         ("%s", error ? error->message : "valid JSON of another type"));
    return FALSE;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaMetaConvert *self = GST_FOVEA_META_CONVERT (object);

    if (id != PROP_TAGS || tags_fit (self, g_value_get_string (value)))
        gst_fovea_set_field (object, id, value, spec);
}

static gboolean
set_caps (GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    return gst_video_info_from_caps (&GST_FOVEA_META_CONVERT (base)->info, in);
}

static GstFlowReturn
transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
    GstFoveaMetaConvert *self = GST_FOVEA_META_CONVERT (base);

    GST_OBJECT_LOCK (self);
    g_autofree char *source = g_strdup (self->source);
    g_autofree char *tags = g_strdup (self->tags);
    GstFoveaJsonParams params = { source, tags && *tags ? tags : NULL, self->add_empty };
    GST_OBJECT_UNLOCK (self);

    g_autofree char *text =
        gst_fovea_json_from_buffer (buffer, &self->info, &params, self->objects);
    if (text)
        gst_fovea_buffer_add_json (buffer, text);
    return GST_FLOW_OK;
}

static void
finalize (GObject *object)
{
    GstFoveaMetaConvert *self = GST_FOVEA_META_CONVERT (object);

    g_array_unref (self->objects);
    gst_fovea_free_fields (object);
    G_OBJECT_CLASS (gst_fovea_meta_convert_parent_class)->finalize (object);
}

static void
gst_fovea_meta_convert_init (GstFoveaMetaConvert *self)
{
    self->objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}

static void
install_properties (GObjectClass *klass)
{
    gst_fovea_install_field (klass, PROP_FORMAT, offsetof (GstFoveaMetaConvert, format),
                             g_param_spec_enum ("format", "Format",
                                                "What the results are written as",
                                                convert_format_get_type (), FORMAT_JSON,
                                                GST_FOVEA_LIVE));
    gst_fovea_install_field (
        klass, PROP_SOURCE, offsetof (GstFoveaMetaConvert, source),
        g_param_spec_string ("source", "Source",
                             "Name of the camera or file, written as \"source\" into every record; "
                             "unset: left out. Takes effect with the next frame",
                             NULL, GST_FOVEA_LIVE));
    gst_fovea_install_field (
        klass, PROP_TAGS, offsetof (GstFoveaMetaConvert, tags),
        g_param_spec_string ("tags", "Tags",
                             "A JSON object, written as \"tags\" into every record; unset: left "
                             "out. Takes effect with the next frame",
                             NULL, GST_FOVEA_LIVE));
    gst_fovea_install_field (
        klass, PROP_ADD_EMPTY, offsetof (GstFoveaMetaConvert, add_empty),
        g_param_spec_boolean ("add-empty-results", "Add empty results",
                              "Also write a record for frames without objects. Takes effect with "
                              "the next frame",
                              FALSE, GST_FOVEA_LIVE));
    klass->set_property = set_property;
}

static void
gst_fovea_meta_convert_class_init (GstFoveaMetaConvertClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw(ANY)");

    object_class->finalize = finalize;
    base_class->set_caps = set_caps;
    base_class->transform_ip = transform_ip;
    base_class->transform_ip_on_passthrough = FALSE;
    install_properties (object_class);
    gst_fovea_add_pad_templates (element_class, caps);
    gst_element_class_set_static_metadata (
        element_class, "Fovea metadata converter", "Metadata",
        "Writes what was found in each picture as JSON text onto the buffer", "Fovea");
    gst_type_mark_as_plugin_api (convert_format_get_type (), 0);
}
