/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/base/gstbasetransform.h>
#include <json-glib/json-glib.h>

#include "gstfoveaelements.h"
#include "gstfoveajson.h"
#include "gstfoveameta.h"

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

enum { PROP_0, PROP_FORMAT, PROP_SOURCE, PROP_TAGS, PROP_ADD_EMPTY };

static GType
convert_format_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        { FORMAT_JSON, "One line of JSON per picture, gvametaconvert's schema", "json" },
        { 0, NULL, NULL }
    };

    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstFoveaMetaConvertFormat", values));
    return type;
}

/* Takes only what later can go into a record: a JSON object. */
static void
set_tags (GstFoveaMetaConvert *self, const char *text)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (JsonNode) node = NULL;

    if (text && *text) {
        node = json_from_string (text, &error);
        if (!node || !JSON_NODE_HOLDS_OBJECT (node)) {
            GST_ELEMENT_WARNING (self, LIBRARY, SETTINGS,
                                 ("Property tags is kept: \"%s\" is not a JSON object", text),
                                 ("%s", error ? error->message : "valid JSON of another type"));
            return;
        }
    }
    GST_OBJECT_LOCK (self);
    g_free (self->tags);
    self->tags = node ? g_strdup (text) : NULL;
    GST_OBJECT_UNLOCK (self);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaMetaConvert *self = GST_FOVEA_META_CONVERT (object);

    if (id == PROP_TAGS) {
        set_tags (self, g_value_get_string (value));
        return;
    }
    GST_OBJECT_LOCK (self);
    switch (id) {
    case PROP_FORMAT:
        self->format = g_value_get_enum (value);
        break;
    case PROP_SOURCE:
        g_free (self->source);
        self->source = g_value_dup_string (value);
        break;
    case PROP_ADD_EMPTY:
        self->add_empty = g_value_get_boolean (value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    GST_OBJECT_UNLOCK (self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaMetaConvert *self = GST_FOVEA_META_CONVERT (object);

    GST_OBJECT_LOCK (self);
    switch (id) {
    case PROP_FORMAT:
        g_value_set_enum (value, self->format);
        break;
    case PROP_SOURCE:
        g_value_set_string (value, self->source);
        break;
    case PROP_TAGS:
        g_value_set_string (value, self->tags);
        break;
    case PROP_ADD_EMPTY:
        g_value_set_boolean (value, self->add_empty);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    GST_OBJECT_UNLOCK (self);
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
    GstFoveaJsonParams params = { source, tags, self->add_empty };
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
    g_free (self->source);
    g_free (self->tags);
    G_OBJECT_CLASS (gst_fovea_meta_convert_parent_class)->finalize (object);
}

static void
gst_fovea_meta_convert_init (GstFoveaMetaConvert *self)
{
    self->objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}

static void
install_properties (GObjectClass *object_class)
{
    g_object_class_install_property (object_class, PROP_FORMAT,
                                     g_param_spec_enum ("format", "Format",
                                                        "What the results are written as",
                                                        convert_format_get_type (), FORMAT_JSON,
                                                        GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_SOURCE,
        g_param_spec_string ("source", "Source",
                             "Name of the camera or file, written as \"source\" into every record; "
                             "unset: left out. Takes effect with the next frame",
                             NULL, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_TAGS,
        g_param_spec_string ("tags", "Tags",
                             "A JSON object, written as \"tags\" into every record; unset: left "
                             "out. Takes effect with the next frame",
                             NULL, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_ADD_EMPTY,
        g_param_spec_boolean ("add-empty-results", "Add empty results",
                              "Also write a record for frames without objects. Takes effect with "
                              "the next frame",
                              FALSE, GST_FOVEA_LIVE));
}

static void
gst_fovea_meta_convert_class_init (GstFoveaMetaConvertClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw(ANY)");

    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    base_class->set_caps = set_caps;
    base_class->transform_ip = transform_ip;
    base_class->transform_ip_on_passthrough = FALSE;
    install_properties (object_class);
    gst_element_class_add_pad_template (element_class, gst_pad_template_new ("sink", GST_PAD_SINK,
                                                                             GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template (element_class, gst_pad_template_new ("src", GST_PAD_SRC,
                                                                             GST_PAD_ALWAYS, caps));
    gst_element_class_set_static_metadata (
        element_class, "Fovea metadata converter", "Metadata",
        "Writes what was found in each picture as JSON text onto the buffer", "Fovea");
    gst_type_mark_as_plugin_api (convert_format_get_type (), 0);
}
