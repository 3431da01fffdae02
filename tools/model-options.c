/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model-options.h"

#include <math.h>

const char *const *
device_words (void)
{
    static const char *const words[] = { "auto", "gpu", "vulkan", "cpu", "reference", NULL };

    return words;
}

const char *const *
color_words (void)
{
    static const char *const words[] = { "rgb", "bgr", NULL };

    return words;
}

const char *const *
fit_words (void)
{
    static const char *const words[] = { "letterbox", "letterbox-center", "stretch", NULL };

    return words;
}

/* "0.5" (for all three) or "1,2,3". */
static gboolean
parse_three (const char *option, const char *text, float values[3], GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, ",", 4);
    guint n = g_strv_length (parts);
    gboolean ok = n == 1 || n == 3;

    for (guint i = 0; ok && i < 3; i++) {
        const char *part = parts[n == 1 ? 0 : i];
        char *end;
        values[i] = (float) g_ascii_strtod (part, &end);
        ok = end != part && !*end && isfinite (values[i]);
    }
    if (!ok)
        cli_usage_error (error, "--%s is '%s', expected one number or three with commas between",
                         option, text);
    return ok;
}

/* A given 0 means 0, which the params struct writes as a negative number. */
static float
given (double value)
{
    return value < 0 ? 0 : value == 0 ? -1 : (float) value;
}

void
model_extras_clear (ModelExtras *extras)
{
    g_clear_pointer (&extras->labels, fov_labels_unref);
}

static gboolean
intake_params (const ModelOptions *o, FovDetectorParams *params, ModelExtras *extras,
               GError **error)
{
    if (!cli_check_word ("color-order", o->color_order, color_words (), error) ||
        !cli_check_word ("fit", o->fit, fit_words (), error) ||
        (o->mean && !parse_three ("mean", o->mean, extras->mean, error)) ||
        (o->scale && !parse_three ("scale", o->scale, extras->scale, error)))
        return FALSE;
    params->color_order = o->color_order;
    params->fit = o->fit;
    params->mean = o->mean ? extras->mean : NULL;
    params->scale = o->scale ? extras->scale : NULL;
    return TRUE;
}

gboolean
model_options_params (const ModelOptions *o, FovDetectorParams *params, ModelExtras *extras,
                      GError **error)
{
    params->threshold = given (o->threshold);
    params->iou_threshold = given (o->iou_threshold);
    params->max_detections = (guint) o->max_detections;
    params->decoder = o->decoder;
    params->batch = (guint) o->batch;
    if (!cli_check_word ("decoder", o->decoder, fov_detector_families (), error) ||
        !intake_params (o, params, extras, error) ||
        (o->size && !cli_parse_size (o->size, &params->width, &params->height, error)))
        return FALSE;
    if (o->labels_file) {
        extras->labels = fov_labels_load (o->labels_file, error);
        if (!extras->labels)
            return FALSE;
    }
    params->labels = extras->labels;
    return TRUE;
}

FovDetector *
model_options_open (const ModelOptions *o, guint in_flight, Progress *progress, GError **error)
{
    FovDetectorParams params = { .max_in_flight = in_flight };
    g_auto (ModelExtras) extras = { 0 };
    g_autoptr (FovModel) model = NULL;
    g_autoptr (FovDevice) device = NULL;

    if (!o->model) {
        cli_usage_error (error, MODEL_MISSING);
        return NULL;
    }
    if (!model_options_params (o, &params, &extras, error))
        return NULL;
    if (progress) {
        params.progress = progress_note;
        params.progress_data = progress;
    }
    model = fov_model_load (o->model, error);
    if (!model)
        return NULL;
    device = fov_device_open (o->device, error);
    if (!device)
        return NULL;
    return fov_detector_new (device, model, &params, error);
}

const char *
class_name (FovLabels *labels, int label, char buffer[32])
{
    const char *name = labels && label >= 0 ? fov_labels_get (labels, (guint) label) : NULL;

    if (name && *name)
        return name;
    if (label < 0)
        return "object";
    g_snprintf (buffer, 32, "class %d", label);
    return buffer;
}

void
print_detections (const GArray *detections, FovLabels *labels, FILE *out)
{
    g_autoptr (Table) table = table_new ("lrrrrr", 0);
    char buffer[32];

    if (!detections->len) {
        fprintf (out, "no objects\n");
        return;
    }
    table_add (table, "label", "score", "x1", "y1", "x2", "y2");
    for (guint i = 0; i < detections->len; i++) {
        const FovDetection *d = &g_array_index (detections, FovDetection, i);
        const float corners[] = { d->box.x1, d->box.y1, d->box.x2, d->box.y2 };
        table_cell (table, "%s", class_name (labels, d->label, buffer));
        table_cell (table, "%.2f", d->score);
        for (guint c = 0; c < 4; c++)
            table_cell (table, "%.0f", corners[c]);
    }
    table_print (table, out);
}
