/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foveadetect's properties: one table makes them, stores them and says what a change does. */
#include <stddef.h>

#include "gstfoveadetect.h"
#include "gstfoveaelements.h"
#include "gstfoveaprops.h"

/* What a change asks for while the element runs. */
typedef enum { CHANGE_NEXT_FRAME, CHANGE_THRESHOLD, CHANGE_RELOAD, CHANGE_DEVICE } Change;

typedef struct {
    const char *name, *nick, *blurb;
    GType type; /* STRING, UINT, FLOAT; ENUM is inference-region */
    gsize offset;
    double min, max, init;
    Change change;
} Property;

#define IN_SETTINGS(field) offsetof (GstFoveaDetect, settings.field)
#define TEXT(name, nick, offset, change, blurb)                                                    \
    {                                                                                              \
        name, nick, blurb, G_TYPE_STRING, offset, 0, 0, 0, change                                  \
    }
#define RELOADS ". A change while running is loaded in the background and taken over between frames"

static const Property properties[] = {
    TEXT (
        "model", "Model", IN_SETTINGS (model), CHANGE_RELOAD,
        "Path of the network: an ONNX file, or a TensorFlow.js model.json or its folder; has to be "
        "set" RELOADS),
    TEXT ("device", "Device", IN_SETTINGS (device), CHANGE_DEVICE,
          "Where the network runs: auto (a GPU if there is one, else the CPU), gpu[:N], "
          "vulkan[:N or part of a name], cpu[:threads], reference; unset: auto" RELOADS),
    TEXT (
        "decoder", "Decoder", IN_SETTINGS (decoder), CHANGE_RELOAD,
        "Family that the model's outputs are decoded as: nanodet, yolov8 (v11 too), yolox, yolov3, "
        "yolov5, ssd, fastestdet or endtoend; unset: recognised by their shapes" RELOADS),
    TEXT ("labels", "Labels", IN_SETTINGS (labels), CHANGE_RELOAD,
          "Class names, separated by commas, or the name of a list (coco80, coco90, voc20); unset: "
          "those of the model" RELOADS),
    TEXT ("labels-file", "Labels file", IN_SETTINGS (labels_file), CHANGE_RELOAD,
          "File with class names, one a line, or a .names, .pbtxt or JSON list; goes before "
          "labels" RELOADS),
    { "threshold", "Threshold",
      "Lowest confidence of an object that is kept, 0 to 1. Takes effect with the next frame",
      G_TYPE_FLOAT, IN_SETTINGS (threshold), 0, 1, 0.25, CHANGE_THRESHOLD },
    { "iou-threshold", "IoU threshold",
      "Two boxes of a class that overlap by more than this count as one object, 0 to 1. Takes "
      "effect with the next frame",
      G_TYPE_FLOAT, IN_SETTINGS (iou_threshold), 0, 1, 0.45, CHANGE_THRESHOLD },
    { "max-detections", "Maximum detections",
      "Objects per frame at most; the most confident ones stay" RELOADS, G_TYPE_UINT,
      IN_SETTINGS (max_detections), 1, 1000, 300, CHANGE_RELOAD },
    { "batch-size", "Batch size",
      "Frames or regions per run of the network at most; more is faster on a GPU, but frames wait "
      "for each other" RELOADS,
      G_TYPE_UINT, IN_SETTINGS (batch), 1, 64, 1, CHANGE_RELOAD },
    { "inference-interval", "Inference interval",
      "Look at every n-th frame; 1: at each. Takes effect with the next frame", G_TYPE_UINT,
      offsetof (GstFoveaDetect, interval), 1, G_MAXINT, 1, CHANGE_NEXT_FRAME },
    { "inference-region", "Inference region",
      "Look at the whole frame or at the objects found before. Takes effect with the next frame",
      G_TYPE_ENUM, offsetof (GstFoveaDetect, region), 0, 1, 0, CHANGE_NEXT_FRAME },
    TEXT ("object-class", "Object class", offsetof (GstFoveaDetect, object_class),
          CHANGE_NEXT_FRAME,
          "With inference-region=roi-list: labels of the objects to look at, separated by commas; "
          "unset: all. Takes effect with the next frame"),
    TEXT ("model-instance-id", "Model instance", offsetof (GstFoveaDetect, instance),
          CHANGE_NEXT_FRAME,
          "Name under which the results stand on the buffer; unset: the element's name. Takes "
          "effect with the next frame"),
    TEXT ("color-order", "Color order", IN_SETTINGS (color_order), CHANGE_RELOAD,
          "Channel order that the network expects: rgb or bgr; unset: the family's" RELOADS),
    TEXT ("fit", "Fit", IN_SETTINGS (fit), CHANGE_RELOAD,
          "How a frame is fitted into the network's input: letterbox, letterbox-center or stretch; "
          "unset: the family's" RELOADS),
    TEXT ("mean", "Mean", IN_SETTINGS (mean), CHANGE_RELOAD,
          "Subtracted from each channel, on the scale 0 to 255: one or three numbers in the "
          "network's channel order, separated by commas; unset: the family's" RELOADS),
    TEXT (
        "scale", "Scale", IN_SETTINGS (scale), CHANGE_RELOAD,
        "Factor of each channel after mean was subtracted, 0.0039216 for a network that expects 0 "
        "to 1: one or three numbers, separated by commas; unset: the family's" RELOADS),
};

/* What the detector in use turned out to be; these follow the table's ids. */
enum { PROP_DEVICE_NAME = G_N_ELEMENTS (properties) + 1, PROP_FAMILY };

static GType
region_get_type (void)
{
    static gsize type = 0;
    static const GEnumValue values[] = {
        { GST_FOVEA_REGION_FULL_FRAME, "The whole frame", "full-frame" },
        { GST_FOVEA_REGION_ROI_LIST, "Each object that was found before", "roi-list" },
        { 0, NULL, NULL }
    };

    return gst_fovea_enum_type (&type, "GstFoveaInferenceRegion", values);
}

static gpointer
field_of (GObject *object, const Property *property)
{
    return (guint8 *) object + property->offset;
}

static void
set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (object);
    const Property *property = &properties[id - 1];

    g_mutex_lock (&self->lock);
    gst_fovea_field_set (field_of (object, property), value);
    if (property->change == CHANGE_THRESHOLD && self->detector) {
        fov_detector_set_threshold (self->detector, self->settings.threshold);
        fov_detector_set_iou_threshold (self->detector, self->settings.iou_threshold);
    }
    g_mutex_unlock (&self->lock);
    if (property->change >= CHANGE_RELOAD)
        gst_fovea_detect_reload (self, property->change == CHANGE_DEVICE);
}

static void
get_in_use (GstFoveaDetect *self, guint id, GValue *value)
{
    g_mutex_lock (&self->lock);
    if (self->detector)
        g_value_set_string (value, id == PROP_DEVICE_NAME
                                       ? fov_device_name (fov_detector_device (self->detector))
                                       : fov_detector_family (self->detector));
    g_mutex_unlock (&self->lock);
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstFoveaDetect *self = GST_FOVEA_DETECT (object);

    if (id >= PROP_DEVICE_NAME) {
        get_in_use (self, id, value);
        return;
    }
    g_mutex_lock (&self->lock);
    gst_fovea_field_get (field_of (object, &properties[id - 1]), value);
    g_mutex_unlock (&self->lock);
}

static GParamSpec *
make_spec (const Property *p)
{
    const GParamFlags flags = GST_FOVEA_LIVE | G_PARAM_CONSTRUCT;

    if (p->type == G_TYPE_STRING)
        return g_param_spec_string (p->name, p->nick, p->blurb, NULL, GST_FOVEA_LIVE);
    if (p->type == G_TYPE_FLOAT)
        return g_param_spec_float (p->name, p->nick, p->blurb, (float) p->min, (float) p->max,
                                   (float) p->init, flags);
    if (p->type == G_TYPE_UINT)
        return g_param_spec_uint (p->name, p->nick, p->blurb, (guint) p->min, (guint) p->max,
                                  (guint) p->init, flags);
    return g_param_spec_enum (p->name, p->nick, p->blurb, region_get_type (), (int) p->init, flags);
}

void
gst_fovea_detect_install_properties (GObjectClass *object_class)
{
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    for (guint i = 0; i < G_N_ELEMENTS (properties); i++)
        g_object_class_install_property (object_class, i + 1, make_spec (&properties[i]));
    g_object_class_install_property (
        object_class, PROP_DEVICE_NAME,
        g_param_spec_string ("device-name", "Device in use",
                             "The device that the running detector is on, for people; unset before "
                             "the model is loaded",
                             NULL, GST_FOVEA_READ));
    g_object_class_install_property (
        object_class, PROP_FAMILY,
        g_param_spec_string ("family", "Decoder in use",
                             "The output family that was recognised or chosen with decoder; unset "
                             "before the model is loaded",
                             NULL, GST_FOVEA_READ));
    gst_type_mark_as_plugin_api (region_get_type (), 0);
}
