/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/base/gstbasetransform.h>

#include "gstfoveaelements.h"
#include "gstfoveajson.h"
#include "gstfoveaprops.h"
#include "gstfoveavideo.h"
#include "gstfoveawriter.h"

#define GST_CAT_DEFAULT gst_fovea_debug

G_DECLARE_FINAL_TYPE (GstFoveaPublish, gst_fovea_publish, GST, FOVEA_PUBLISH, GstBaseTransform)

typedef enum { METHOD_FILE } PublishMethod;

struct _GstFoveaPublish {
    GstBaseTransform parent;
    GstFoveaWriter *writer;
    guint64 n_frames, n_records;
    /* fixed while running */
    PublishMethod method;
    char *path;
    GstFoveaWriterFormat format;
};

G_DEFINE_TYPE (GstFoveaPublish, gst_fovea_publish, GST_TYPE_BASE_TRANSFORM)

enum { PROP_METHOD = 1, PROP_FILE_PATH, PROP_FILE_FORMAT };

static GType
method_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = { { METHOD_FILE, "A file or the standard output", "file" },
                                         { 0, NULL, NULL } };

    return gst_fovea_enum_type (&type, "GstFoveaPublishMethod", values);
}

static GType
format_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        { GST_FOVEA_WRITER_LINES, "One record a line", "json-lines" },
        { GST_FOVEA_WRITER_ARRAY, "One JSON array, closed at the end of the stream", "json" },
        { 0, NULL, NULL }
    };

    return gst_fovea_enum_type (&type, "GstFoveaPublishFileFormat", values);
}

static gboolean
start (GstBaseTransform *base)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH (base);
    g_autoptr (GError) error = NULL;

    GST_OBJECT_LOCK (self);
    g_autofree char *path = g_strdup (self->path && *self->path ? self->path : "stdout");
    GstFoveaWriterFormat format = self->format;
    GST_OBJECT_UNLOCK (self);

    self->n_frames = self->n_records = 0;
    self->writer = gst_fovea_writer_open (path, format, &error);
    if (!self->writer) {
        GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE, ("%s", error->message),
                           ("property file-path"));
        return FALSE;
    }
    return TRUE;
}

static gboolean
stop (GstBaseTransform *base)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH (base);
    g_autoptr (GError) error = NULL;

    if (!gst_fovea_writer_close (g_steal_pointer (&self->writer), &error))
        gst_fovea_post_warning (self, error, "Results may be incomplete");
    return TRUE;
}

static GstFlowReturn
transform_ip (GstBaseTransform *base, GstBuffer *buffer)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH (base);
    const char *text = gst_fovea_buffer_get_json (buffer);
    g_autoptr (GError) error = NULL;

    self->n_frames++;
    if (!text)
        return GST_FLOW_OK;
    if (!gst_fovea_writer_add (self->writer, text, &error)) {
        gst_fovea_post_error (self, error, "Results can not be written");
        return GST_FLOW_ERROR;
    }
    self->n_records++;
    return GST_FLOW_OK;
}

static gboolean
sink_event (GstBaseTransform *base, GstEvent *event)
{
    GstFoveaPublish *self = GST_FOVEA_PUBLISH (base);
    g_autoptr (GError) error = NULL;

    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && self->writer) {
        if (!gst_fovea_writer_finish (self->writer, &error))
            gst_fovea_post_error (self, error, "Results can not be completed");
        if (self->n_frames && !self->n_records)
            GST_INFO_OBJECT (self,
                             "none of %" G_GUINT64_FORMAT " frames had a record; "
                             "is there a foveametaconvert before this element?",
                             self->n_frames);
    }
    return GST_BASE_TRANSFORM_CLASS (gst_fovea_publish_parent_class)->sink_event (base, event);
}

static void
finalize (GObject *object)
{
    gst_fovea_free_fields (object);
    G_OBJECT_CLASS (gst_fovea_publish_parent_class)->finalize (object);
}

static void
gst_fovea_publish_init (GstFoveaPublish *self)
{
    gst_base_transform_set_passthrough (GST_BASE_TRANSFORM (self), TRUE);
}

static void
install_properties (GObjectClass *klass)
{
    gst_fovea_install_field (klass, PROP_METHOD, offsetof (GstFoveaPublish, method),
                             g_param_spec_enum ("method", "Method", "Where the records go",
                                                method_get_type (), METHOD_FILE, GST_FOVEA_READY));
    gst_fovea_install_field (
        klass, PROP_FILE_PATH, offsetof (GstFoveaPublish, path),
        g_param_spec_string ("file-path", "File path",
                             "File to write, replaced if it is there; \"stdout\" or \"-\" is the "
                             "standard output, as is unset. Opened on the way to PAUSED",
                             NULL, GST_FOVEA_READY));
    gst_fovea_install_field (klass, PROP_FILE_FORMAT, offsetof (GstFoveaPublish, format),
                             g_param_spec_enum ("file-format", "File format",
                                                "How records stand in the file", format_get_type (),
                                                GST_FOVEA_WRITER_LINES, GST_FOVEA_READY));
}

static void
gst_fovea_publish_class_init (GstFoveaPublishClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_new_any ();

    object_class->finalize = finalize;
    base_class->start = start;
    base_class->stop = stop;
    base_class->sink_event = sink_event;
    base_class->transform_ip = transform_ip;
    base_class->transform_ip_on_passthrough = TRUE;
    install_properties (object_class);
    gst_fovea_add_pad_templates (element_class, caps);
    gst_element_class_set_static_metadata (
        element_class, "Fovea result writer", "Metadata",
        "Writes the JSON records that foveametaconvert made to a file", "Fovea");
    gst_type_mark_as_plugin_api (method_get_type (), 0);
    gst_type_mark_as_plugin_api (format_get_type (), 0);
}
