/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures with boxes, cut and turned for training, and how well a detector finds them. */
#include "interrupt.h"
#include "train-detect.h"

#include <math.h>
#include <string.h>

#include <fovea/media.h>

#define LEAST_SEEN 0.3 /* of an object's area that is left: less says nothing */
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

/* A part of the picture, or more than it: 0.7 to 1.4 times as wide, a tenth more or less as
 * high. */
static FovBox
jitter (GRand *rand, int width, int height)
{
    const double size = exp (g_rand_double_range (rand, -0.35, 0.35));
    const double aspect = exp (g_rand_double_range (rand, -0.1, 0.1));
    const double w = width * size * aspect, h = height * size / aspect;
    const double x = g_rand_double (rand) * (width - w), y = g_rand_double (rand) * (height - h);

    return (FovBox){ (float) x, (float) y, (float) (x + w), (float) (y + h) };
}

/* An object's box in the network's input, cut to the region. */
static FovBox
place (FovBox box, const FovLetterbox *map, gboolean mirror)
{
    const float left = (float) map->inner_x, top = (float) map->inner_y;
    const float right = left + (float) map->inner_w, bottom = top + (float) map->inner_h;
    FovBox b = { map->offset_x + box.x1 * map->scale_x, map->offset_y + box.y1 * map->scale_y,
                 map->offset_x + box.x2 * map->scale_x, map->offset_y + box.y2 * map->scale_y };

    if (mirror) {
        const float x1 = b.x1;
        b.x1 = left + right - b.x2;
        b.x2 = left + right - x1;
    }
    return (FovBox){ CLAMP (b.x1, left, right), CLAMP (b.y1, top, bottom),
                     CLAMP (b.x2, left, right), CLAMP (b.y2, top, bottom) };
}

/* Objects first, then what says nothing: crowds, and what too little is left of. */
static void
fill_rows (const DetectData *data, const CocoImage *image, const FovLetterbox *map, gboolean mirror,
           float *rows, guint n_rows)
{
    guint n = 0;

    memset (rows, 0, n_rows * 6 * sizeof *rows);
    for (int pass = 0; pass < 2; pass++)
        for (guint i = 0; i < image->truths->len && n < n_rows; i++) {
            const FovCocoTruth *t = &g_array_index (image->truths, FovCocoTruth, i);
            const guint label =
                GPOINTER_TO_UINT (g_hash_table_lookup (data->class, GINT_TO_POINTER (t->category)));
            const FovBox b = place (t->box, map, mirror);
            const float whole = fov_box_area (t->box) * map->scale_x * map->scale_y;
            const gboolean says =
                !t->crowd && label && fov_box_area (b) >= (float) LEAST_SEEN * whole;
            if (fov_box_area (b) <= 0 || says != (pass == 0) || (!label && !t->crowd))
                continue;
            memcpy (rows + n++ * 6,
                    (float[]){ b.x1, b.y1, b.x2, b.y2, (float) MAX (label, 1) - 1, says ? 1 : -1 },
                    6 * sizeof *rows);
        }
}

gboolean
detect_data_sample (const DetectData *data, guint i, const FovTrainerIntake *intake, GRand *rand,
                    float *tensor, float *rows, guint n_rows, GError **error)
{
    const CocoImage *image = image_at (data, i);
    g_autofree char *path = g_build_filename (data->folder, image->file, NULL);
    const gboolean mirror = rand && g_rand_boolean (rand);
    FovImage pixels = { 0 };
    FovLetterbox map;
    FovBox region;
    gboolean ok;

    if (!fov_image_load (path, &pixels, error))
        return FALSE;
    region = (FovBox){ 0, 0, (float) pixels.width, (float) pixels.height };
    if (rand)
        region = jitter (rand, pixels.width, pixels.height);
    ok = fov_intake_picture (intake, &pixels, region, mirror, tensor, &map, error);
    if (ok)
        fill_rows (data, image, &map, mirror, rows, n_rows);
    g_free (pixels.plane[0]);
    return ok;
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
