/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gstfoveaload.h"

#include <math.h>

void
gst_fovea_detect_settings_copy (GstFoveaDetectSettings *dst, const GstFoveaDetectSettings *src)
{
    *dst = *src;
    dst->model = g_strdup (src->model);
    dst->device = g_strdup (src->device);
    dst->decoder = g_strdup (src->decoder);
    dst->labels = g_strdup (src->labels);
    dst->labels_file = g_strdup (src->labels_file);
    dst->color_order = g_strdup (src->color_order);
    dst->fit = g_strdup (src->fit);
    dst->mean = g_strdup (src->mean);
    dst->scale = g_strdup (src->scale);
}

void
gst_fovea_detect_settings_clear (GstFoveaDetectSettings *s)
{
    char **strings[] = { &s->model,       &s->device, &s->decoder, &s->labels, &s->labels_file,
                         &s->color_order, &s->fit,    &s->mean,    &s->scale };

    for (guint i = 0; i < G_N_ELEMENTS (strings); i++)
        g_clear_pointer (strings[i], g_free);
}

/* "a,b,c", or one number for all three. */
static gboolean
parse_three (const char *name, const char *text, float out[3], GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, ",", -1);
    guint n = g_strv_length (parts);
    gboolean ok = n == 1 || n == 3;

    for (guint i = 0; ok && i < 3; i++) {
        char *part = g_strstrip (parts[n == 1 ? 0 : i]), *end;
        double value = g_ascii_strtod (part, &end);
        ok = *part && *end == 0 && isfinite (value);
        out[i] = (float) value;
    }
    if (!ok)
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "property %s is \"%s\", expected three numbers such as \"103.5,116.3,123.7\"",
                     name, text);
    return ok;
}

static gboolean
is_set (const char *text)
{
    return text && *text;
}

static gboolean
load_labels (const GstFoveaDetectSettings *s, FovLabels **labels, GError **error)
{
    *labels = NULL;
    if (is_set (s->labels_file))
        *labels = fov_labels_load (s->labels_file, error);
    else if (is_set (s->labels) && !(*labels = fov_labels_builtin (s->labels)))
        *labels = fov_labels_parse (s->labels, error);
    else
        return TRUE;
    return *labels != NULL;
}

/* What is easily checked comes before what takes long. */
FovDetector *
gst_fovea_detect_load (const GstFoveaDetectSettings *s, FovDevice *given, GError **error)
{
    g_autoptr (FovLabels) labels = NULL;
    g_autoptr (FovModel) model = NULL;
    g_autoptr (FovDevice) device = NULL;
    float mean[3], scale[3];

    if (!is_set (s->model)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "property model is not set, expected the path of an ONNX file or a "
                     "TensorFlow.js model.json");
        return NULL;
    }
    FovDetectorParams params = {
        .threshold = s->threshold > 0 ? s->threshold : -1,
        .iou_threshold = s->iou_threshold > 0 ? s->iou_threshold : -1,
        .max_detections = s->max_detections,
        .decoder = is_set (s->decoder) ? s->decoder : NULL,
        .batch = s->batch,
        .color_order = is_set (s->color_order) ? s->color_order : NULL,
        .fit = is_set (s->fit) ? s->fit : NULL,
        .mean = is_set (s->mean) ? mean : NULL,
        .scale = is_set (s->scale) ? scale : NULL,
    };
    if (params.mean && !parse_three ("mean", s->mean, mean, error))
        return NULL;
    if (params.scale && !parse_three ("scale", s->scale, scale, error))
        return NULL;
    if (!load_labels (s, &labels, error) || !(model = fov_model_load (s->model, error)))
        return NULL;
    params.labels = labels;
    device = given ? fov_device_ref (given)
                   : fov_device_open (is_set (s->device) ? s->device : NULL, error);
    return device ? fov_detector_new (device, model, &params, error) : NULL;
}
