/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures with boxes, and how well a detector finds them. */
#include "interrupt.h"
#include "train-detect.h"

#include <string.h>

#include <fovea/media.h>

#define THRESHOLD 0.01 /* as fovea eval coco measures */
#define IOU 0.7
#define DETECTIONS 100

/* ---- the set -------------------------------------------------------------------- */

DetectData *
detect_data_open (const char *annotations, const char *images, guint most, GError **error)
{
    Coco *coco = coco_load (annotations, most, error);
    DetectData *data;

    if (!coco)
        return NULL;
    data = g_new0 (DetectData, 1);
    data->coco = coco;
    data->folder = images ? g_strdup (images) : g_path_get_dirname (annotations);
    data->class = g_hash_table_new (NULL, NULL);
    data->order = g_array_new (FALSE, FALSE, sizeof (guint));
    for (guint i = 0; i < coco->images->len; i++)
        g_array_append_val (data->order, i);
    if (data->order->len)
        return data;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%s: no pictures", annotations);
    detect_data_free (data);
    return NULL;
}

void
detect_data_free (DetectData *data)
{
    if (!data)
        return;
    if (!data->shared)
        coco_free (data->coco);
    g_free (data->folder);
    g_hash_table_unref (data->class);
    g_array_unref (data->order);
    g_free (data);
}

DetectData *
detect_data_split (DetectData *data, int percent)
{
    DetectData *apart = g_new0 (DetectData, 1);
    const guint n = data->order->len;
    guint kept = 0;

    apart->folder = g_strdup (data->folder);
    apart->class = g_hash_table_ref (data->class);
    apart->order = g_array_new (FALSE, FALSE, sizeof (guint));
    for (guint i = 0; i < n; i++) {
        const guint image = g_array_index (data->order, guint, i);
        if ((i + 1) * (guint) percent / 100 > i * (guint) percent / 100)
            g_array_append_val (apart->order, image);
        else
            g_array_index (data->order, guint, kept++) = image;
    }
    g_array_set_size (data->order, kept);
    apart->coco = data->coco;
    apart->shared = TRUE;
    return apart;
}

static const CocoImage *
image_at (const DetectData *data, guint i)
{
    return &g_array_index (data->coco->images, CocoImage, g_array_index (data->order, guint, i));
}

gboolean
detect_data_known (const DetectData *data, const FovLabels *labels)
{
    g_autoptr (GArray) ids = coco_map_classes (data->coco, labels);

    for (guint i = 0; i < data->order->len; i++) {
        const GArray *truths = image_at (data, i)->truths;
        for (guint k = 0; k < truths->len; k++) {
            const int id = g_array_index (truths, FovCocoTruth, k).category;
            guint c = 0;
            while (c < ids->len && g_array_index (ids, int, c) != id)
                c++;
            if (c == ids->len)
                return FALSE;
        }
    }
    return TRUE;
}

void
detect_data_map (DetectData *data, const FovLabels *labels)
{
    g_autoptr (GArray) ids = coco_map_classes (data->coco, labels);

    g_hash_table_remove_all (data->class);
    for (guint c = 0; c < ids->len; c++)
        if (g_array_index (ids, int, c) >= 0)
            g_hash_table_insert (data->class, GINT_TO_POINTER (g_array_index (ids, int, c)),
                                 GUINT_TO_POINTER (c + 1));
}

/* ---- samples --------------------------------------------------------------------- */

static gboolean
add_sample (const DetectData *data, const CocoImage *image, FovData *samples, GArray *objects,
            GError **error)
{
    g_autofree char *path = g_build_filename (data->folder, image->file, NULL);
    FovSample sample = { .name = path, .width = image->width, .height = image->height };

    g_array_set_size (objects, 0);
    for (guint i = 0; i < image->truths->len; i++) {
        const FovCocoTruth *t = &g_array_index (image->truths, FovCocoTruth, i);
        const int label =
            GPOINTER_TO_INT (g_hash_table_lookup (data->class, GINT_TO_POINTER (t->category))) - 1;
        const FovDataObject object = { t->box, label, t->crowd };
        if (label >= 0 || t->crowd)
            g_array_append_val (objects, object);
    }
    sample.objects = (const FovDataObject *) (void *) objects->data;
    sample.n_objects = objects->len;
    return fov_data_add (samples, &sample, error);
}

FovData *
detect_data_samples (const DetectData *data, const FovLabels *labels, GError **error)
{
    const guint n = fov_labels_count (labels);
    g_autofree const char **names = g_new0 (const char *, n + 1);
    g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (FovDataObject));
    g_autoptr (FovData) samples = NULL;

    for (guint i = 0; i < n; i++)
        names[i] = fov_labels_get (labels, i);
    samples = fov_data_new (names);
    for (guint i = 0; i < data->order->len; i++)
        if (!add_sample (data, image_at (data, i), samples, objects, error))
            return NULL;
    return g_steal_pointer (&samples);
}

FovLabels *
detect_data_labels (const DetectData *data, const char *path, GError **error)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; i < data->coco->categories->len; i++)
        g_string_append_printf (text, "%s\n",
                                g_array_index (data->coco->categories, CocoCategory, i).name);
    if (!g_file_set_contents (path, text->str, (gssize) text->len, error))
        return NULL;
    return fov_labels_load (path, error);
}

/* ---- measuring --------------------------------------------------------------------- */

static gboolean
detect (FovDetector *detector, const char *folder, const CocoImage *image, GArray *found,
        GError **error)
{
    g_autofree char *path = g_build_filename (folder, image->file, NULL);
    FovImage pixels = { 0 };
    FovTicket ticket;
    gboolean ok;

    if (!fov_image_load (path, &pixels, error))
        return FALSE;
    ticket = fov_detector_submit (detector, &pixels, error);
    ok = ticket && fov_detector_wait (detector, ticket, found, error);
    g_free (pixels.plane[0]);
    return ok;
}

/* Classes become categories; others are left out. */
static void
map_found (GArray *found, const GArray *ids)
{
    guint n = 0;

    for (guint i = 0; i < found->len; i++) {
        FovDetection d = g_array_index (found, FovDetection, i);
        if (d.label < 0 || (guint) d.label >= ids->len ||
            g_array_index (ids, int, (guint) d.label) < 0)
            continue;
        d.label = g_array_index (ids, int, (guint) d.label);
        g_array_index (found, FovDetection, n++) = d;
    }
    g_array_set_size (found, n);
}

gboolean
detect_data_score (const DetectData *data, FovDevice *device, FovModel *model,
                   const FovTrainerIntake *intake, FovLabels *labels, FovCocoSummary *summary,
                   GError **error)
{
    const FovShape shape = { 4, { 1, 3, intake->height, intake->width } };
    g_autoptr (FovModel) sized = fov_model_reshape (model, &shape, error);
    g_autoptr (FovDetector) detector =
        sized ? fov_detector_new (device, sized,
                                  &(FovDetectorParams){ .threshold = THRESHOLD,
                                                        .iou_threshold = (float) IOU,
                                                        .max_detections = DETECTIONS,
                                                        .labels = labels },
                                  error)
              : NULL;
    g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
    g_autoptr (GArray) ids = coco_map_classes (data->coco, labels);
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));

    if (!detector)
        return FALSE;
    for (guint i = 0; i < data->order->len && !interrupted (); i++) {
        const CocoImage *image = image_at (data, i);
        if (!detect (detector, data->folder, image, found, error)) {
            g_prefix_error (error, "%s: ", image->file);
            return FALSE;
        }
        map_found (found, ids);
        fov_coco_eval_add (eval, (const FovCocoTruth *) (const void *) image->truths->data,
                           image->truths->len, (const FovDetection *) (const void *) found->data,
                           found->len);
    }
    fov_coco_eval_summarize (eval, summary);
    return TRUE;
}
