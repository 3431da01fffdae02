/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fovea/overlay.h>
#include <gst/video/gstvideofilter.h>

#include "gstfoveaelements.h"
#include "gstfoveameta.h"
#include "gstfoveaprops.h"
#include "gstfoveavideo.h"

#define GST_CAT_DEFAULT gst_fovea_debug

G_DECLARE_FINAL_TYPE (GstFoveaOverlay, gst_fovea_overlay, GST, FOVEA_OVERLAY, GstVideoFilter)

struct _GstFoveaOverlay {
    GstVideoFilter parent;
    FovOverlay *overlay;
    GArray *objects, *items;
    /* under the object lock */
    FovOverlayParams params;
    char *font;
    gboolean changed;
};

G_DEFINE_TYPE (GstFoveaOverlay, gst_fovea_overlay, GST_TYPE_VIDEO_FILTER)

enum {
    PROP_0,
    PROP_LINE_WIDTH,
    PROP_FONT_SIZE,
    PROP_FONT,
    PROP_COLOR_BY,
    PROP_SHOW_LABELS,
    PROP_SHOW_SCORES
};

static GType
color_by_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = { { FOV_OVERLAY_COLOR_AUTO,
                                           "By track where there is one, else by class", "auto" },
                                         { FOV_OVERLAY_COLOR_CLASS, "By class", "class" },
                                         { FOV_OVERLAY_COLOR_ID, "By track", "id" },
                                         { 0, NULL, NULL } };

    return gst_fovea_enum_type (&type, "GstFoveaOverlayColorBy", values);
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (object);

    GST_OBJECT_LOCK (self);
    switch (id) {
    case PROP_LINE_WIDTH:
        self->params.line_width = g_value_get_float (value);
        break;
    case PROP_FONT_SIZE:
        self->params.font_size = g_value_get_float (value);
        break;
    case PROP_FONT:
        g_free (self->font);
        self->font = g_value_dup_string (value);
        break;
    case PROP_COLOR_BY:
        self->params.color = g_value_get_enum (value);
        break;
    case PROP_SHOW_LABELS:
        self->params.hide_labels = !g_value_get_boolean (value);
        break;
    case PROP_SHOW_SCORES:
        self->params.hide_scores = !g_value_get_boolean (value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    self->changed = TRUE;
    GST_OBJECT_UNLOCK (self);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (object);

    GST_OBJECT_LOCK (self);
    switch (id) {
    case PROP_LINE_WIDTH:
        g_value_set_float (value, self->params.line_width);
        break;
    case PROP_FONT_SIZE:
        g_value_set_float (value, self->params.font_size);
        break;
    case PROP_FONT:
        g_value_set_string (value, self->font);
        break;
    case PROP_COLOR_BY:
        g_value_set_enum (value, self->params.color);
        break;
    case PROP_SHOW_LABELS:
        g_value_set_boolean (value, !self->params.hide_labels);
        break;
    case PROP_SHOW_SCORES:
        g_value_set_boolean (value, !self->params.hide_scores);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
    GST_OBJECT_UNLOCK (self);
}

static void
apply_params (GstFoveaOverlay *self)
{
    g_autofree char *font = NULL;
    FovOverlayParams params;

    GST_OBJECT_LOCK (self);
    gboolean changed = self->changed;
    self->changed = FALSE;
    params = self->params;
    font = g_strdup (self->font);
    GST_OBJECT_UNLOCK (self);
    if (!changed)
        return;
    params.font = font;
    fov_overlay_set_params (self->overlay, &params);
}

static void
make_items (GstFoveaOverlay *self, int width, int height)
{
    g_array_set_size (self->items, 0);
    for (guint i = 0; i < self->objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (self->objects, GstFoveaObject, i);
        FovOverlayItem item = {
            .box = { (float) (o->x_min * width), (float) (o->y_min * height),
                     (float) (o->x_max * width), (float) (o->y_max * height) },
            .label = o->label ? g_quark_to_string (o->label) : NULL,
            .score = o->confidence,
            .class_id = MAX (o->label_id, 0),
            .id = o->track_id,
        };
        g_array_append_val (self->items, item);
    }
}

static GstFlowReturn
transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (filter);
    g_autoptr (GError) error = NULL;
    FovImage image;

    if (gst_fovea_buffer_objects (frame->buffer, &frame->info, self->objects) == 0)
        return GST_FLOW_OK;
    apply_params (self);
    make_items (self, GST_VIDEO_FRAME_WIDTH (frame), GST_VIDEO_FRAME_HEIGHT (frame));
    if (!gst_fovea_frame_check (&filter->in_info, frame->buffer, &error)) {
        GST_WARNING_OBJECT (self, "nothing drawn: %s", error->message);
        return GST_FLOW_OK;
    }
    if (!gst_fovea_image_from_frame (&image, frame, &error) ||
        !fov_overlay_draw (self->overlay, &image, (FovOverlayItem *) self->items->data,
                           self->items->len, &error)) {
        gst_fovea_post_error (self, error, "Boxes can not be drawn");
        return GST_FLOW_ERROR;
    }
    return GST_FLOW_OK;
}

static void
finalize (GObject *object)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (object);

    fov_overlay_free (self->overlay);
    g_array_unref (self->objects);
    g_array_unref (self->items);
    g_free (self->font);
    G_OBJECT_CLASS (gst_fovea_overlay_parent_class)->finalize (object);
}

static void
gst_fovea_overlay_init (GstFoveaOverlay *self)
{
    self->overlay = fov_overlay_new (NULL);
    self->objects = g_array_new (FALSE, FALSE, sizeof (GstFoveaObject));
    self->items = g_array_new (FALSE, FALSE, sizeof (FovOverlayItem));
}

static void
install_properties (GObjectClass *object_class)
{
    g_object_class_install_property (
        object_class, PROP_LINE_WIDTH,
        g_param_spec_float ("line-width", "Line width",
                            "Width of a box's line in pixels; 0: the frame's height / 270, at "
                            "least 1.5. Takes effect with the next frame",
                            0, 100, 0, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_FONT_SIZE,
        g_param_spec_float ("font-size", "Font size",
                            "Height of the text in pixels; 0: the frame's height / 32, at least "
                            "11. Takes effect with the next frame",
                            0, 400, 0, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_FONT,
        g_param_spec_string ("font", "Font",
                             "Font family of the text; unset: \"Sans\". Takes effect with the "
                             "next frame",
                             NULL, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_COLOR_BY,
        g_param_spec_enum ("color-by", "Color by",
                           "What a box's colour stands for. Takes effect with the next frame",
                           color_by_get_type (), FOV_OVERLAY_COLOR_AUTO, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_SHOW_LABELS,
        g_param_spec_boolean ("show-labels", "Show labels",
                              "Write the class name at each box. Takes effect with the next frame",
                              TRUE, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_SHOW_SCORES,
        g_param_spec_boolean ("show-scores", "Show scores",
                              "Write the confidence behind the label. Takes effect with the next "
                              "frame",
                              TRUE, GST_FOVEA_LIVE));
}

static void
gst_fovea_overlay_class_init (GstFoveaOverlayClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
    g_autoptr (GstCaps) caps = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_FOVEA_VIDEO_FORMATS));

    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip = transform_frame_ip;
    install_properties (object_class);
    gst_fovea_add_pad_templates (element_class, caps);
    gst_element_class_set_static_metadata (
        element_class, "Fovea overlay", "Filter/Effect/Video",
        "Draws boxes and labels of what was found into the picture", "Fovea");
    gst_type_mark_as_plugin_api (color_by_get_type (), 0);
}
