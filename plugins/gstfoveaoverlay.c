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
    gboolean trails; /* objects with an identity were there */
    /* under the object lock */
    FovOverlayParams params;
    char *font;
    gboolean show_lost, show_tentative;
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
    PROP_SHOW_SCORES,
    PROP_TRAIL,
    PROP_SHOW_LOST,
    PROP_SHOW_TENTATIVE
};

#define DEFAULT_TRAIL 2

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
    case PROP_TRAIL:
        self->params.trail = g_value_get_float (value);
        break;
    case PROP_SHOW_LOST:
        self->show_lost = g_value_get_boolean (value);
        break;
    case PROP_SHOW_TENTATIVE:
        self->show_tentative = g_value_get_boolean (value);
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
    case PROP_TRAIL:
        g_value_set_float (value, self->params.trail);
        break;
    case PROP_SHOW_LOST:
        g_value_set_boolean (value, self->show_lost);
        break;
    case PROP_SHOW_TENTATIVE:
        g_value_set_boolean (value, self->show_tentative);
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

static FovOverlayItem
item_of (const GstFoveaObject *o, float width, float height)
{
    gboolean held = o->track_state == FOV_TRACK_OCCLUDED || o->track_state == FOV_TRACK_LOST;

    return (FovOverlayItem){
        .box = { (float) o->x_min * width, (float) o->y_min * height, (float) o->x_max * width,
                 (float) o->y_max * height },
        .label = o->label ? g_quark_to_string (o->label) : NULL,
        .score = held ? -1 : o->confidence, /* it was another picture's */
        .class_id = MAX (o->label_id, 0),
        .id = gst_fovea_object_is_tracked (o) ? o->track_id : -1,
        .dashed = held,
        .faint = o->track_state == FOV_TRACK_LOST || o->track_state == FOV_TRACK_TENTATIVE,
    };
}

static void
make_items (GstFoveaOverlay *self, int width, int height)
{
    GST_OBJECT_LOCK (self);
    gboolean lost = self->show_lost, tentative = self->show_tentative;
    GST_OBJECT_UNLOCK (self);

    g_array_set_size (self->items, 0);
    for (guint i = 0; i < self->objects->len; i++) {
        const GstFoveaObject *o = &g_array_index (self->objects, GstFoveaObject, i);
        FovOverlayItem item = item_of (o, (float) width, (float) height);
        if ((o->track_state == FOV_TRACK_LOST && !lost) ||
            (o->track_state == FOV_TRACK_TENTATIVE && !tentative))
            continue;
        self->trails |= item.id >= 0;
        g_array_append_val (self->items, item);
    }
}

static GstFlowReturn
transform_frame_ip (GstVideoFilter *filter, GstVideoFrame *frame)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (filter);
    g_autoptr (GError) error = NULL;
    FovImage image;

    if (gst_fovea_buffer_objects (frame->buffer, &frame->info, self->objects) == 0 && !self->trails)
        return GST_FLOW_OK;
    apply_params (self);
    make_items (self, GST_VIDEO_FRAME_WIDTH (frame), GST_VIDEO_FRAME_HEIGHT (frame));
    if (!gst_fovea_frame_check (&filter->in_info, frame->buffer, &error)) {
        GST_WARNING_OBJECT (self, "nothing drawn: %s", error->message);
        return GST_FLOW_OK;
    }
    if (GST_BUFFER_PTS_IS_VALID (frame->buffer))
        fov_overlay_set_time (self->overlay, (gint64) GST_BUFFER_PTS (frame->buffer));
    if (!gst_fovea_image_from_frame (&image, frame, &error) ||
        !fov_overlay_draw (self->overlay, &image, (FovOverlayItem *) self->items->data,
                           self->items->len, &error)) {
        gst_fovea_post_error (self, error, "Boxes can not be drawn");
        return GST_FLOW_ERROR;
    }
    return GST_FLOW_OK;
}

/* Ways end where the stream is cut. */
static gboolean
sink_event (GstBaseTransform *base, GstEvent *event)
{
    GstFoveaOverlay *self = GST_FOVEA_OVERLAY (base);

    if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP ||
        GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
        fov_overlay_forget (self->overlay);
        self->trails = FALSE;
    }
    return GST_BASE_TRANSFORM_CLASS (gst_fovea_overlay_parent_class)->sink_event (base, event);
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
    self->params.trail = DEFAULT_TRAIL;
    self->overlay = fov_overlay_new (&self->params);
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
    g_object_class_install_property (
        object_class, PROP_TRAIL,
        g_param_spec_float ("trail", "Trail",
                            "Seconds that the way of a tracked object stays visible; 0: no trails. "
                            "Takes effect with the next frame",
                            0, 60, DEFAULT_TRAIL, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_SHOW_LOST,
        g_param_spec_boolean ("show-lost", "Show lost",
                              "Draw objects that are not seen and that nothing hides, where they "
                              "are thought to be. Takes effect with the next frame",
                              FALSE, GST_FOVEA_LIVE));
    g_object_class_install_property (
        object_class, PROP_SHOW_TENTATIVE,
        g_param_spec_boolean ("show-tentative", "Show tentative",
                              "Draw what a tracker saw too seldom or too weakly to believe it. "
                              "Takes effect with the next frame",
                              FALSE, GST_FOVEA_LIVE));
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
    GST_BASE_TRANSFORM_CLASS (klass)->sink_event = sink_event;
    GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip = transform_frame_ip;
    install_properties (object_class);
    gst_fovea_add_pad_templates (element_class, caps);
    gst_element_class_set_static_metadata (
        element_class, "Fovea overlay", "Filter/Effect/Video",
        "Draws boxes, labels and trails of what was found into the picture", "Fovea");
    gst_type_mark_as_plugin_api (color_by_get_type (), 0);
}
