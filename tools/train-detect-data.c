/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How well a detector finds what is on pictures. */
#include "interrupt.h"
#include "train-detect.h"

#define THRESHOLD 0.01 /* as fovea eval coco measures */
#define IOU 0.7
#define DETECTIONS 100

#define FEWEST_ROWS 120 /* as a loader's */
#define MOST_ROWS 1000  /* objects by places are what an assignment costs in memory */

FovLabels *
detect_data_labels (const FovData *data)
{
    const guint n = fov_data_n_classes (data);
    g_autofree const char **names = g_new (const char *, n + 1);

    for (guint i = 0; i < n; i++)
        names[i] = fov_data_class (data, i);
    return fov_labels_new (names, n);
}

guint
train_object_rows (const FovData *data, const FovAugment *augment, gboolean told)
{
    const guint pictures = (augment->mosaic > 0 ? 4 : 1) + (augment->mixup > 0 ? 1 : 0);
    const FovSample *fullest = NULL;
    guint64 most;

    for (guint i = 0; i < fov_data_length (data); i++) {
        const FovSample *s = fov_data_sample (data, i);
        fullest = !fullest || s->n_objects > fullest->n_objects ? s : fullest;
    }
    most = fullest ? (guint64) fullest->n_objects * pictures + (augment->paste > 0 ? 1 : 0) : 0;
    if (told && most > MOST_ROWS)
        g_printerr ("%s: %u objects%s: the %d largest are learned, where the others are is "
                    "ignored\n",
                    fullest->name, fullest->n_objects,
                    pictures > 1 ? ", with those of pictures that are put together more" : "",
                    MOST_ROWS - 1);
    return (guint) CLAMP (most, FEWEST_ROWS, MOST_ROWS);
}

static gboolean
check_size (const FovSample *s, const int size[2], GError **error)
{
    if (!s->width || (s->width == size[0] && s->height == size[1]))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                 "the picture is %dx%d, its annotations are for %dx%d", size[0], size[1], s->width,
                 s->height);
    return FALSE;
}

static gboolean
detect (FovDetector *detector, const FovSample *sample, int size[2], GArray *found, GError **error)
{
    FovImage pixels = { 0 };
    FovTicket ticket;
    gboolean ok;

    if (!train_load_picture (sample, &pixels, NULL, error))
        return FALSE;
    size[0] = pixels.width;
    size[1] = pixels.height;
    if (!check_size (sample, size, error)) {
        g_free (pixels.plane[0]);
        return FALSE;
    }
    ticket = fov_detector_submit (detector, &pixels, error);
    ok = ticket && fov_detector_wait (detector, ticket, found, error);
    g_free (pixels.plane[0]);
    return ok;
}

static FovBox
box_in_pixels (const FovSample *s, guint i, const int size[2])
{
    const float sx = s->width ? 1 : (float) size[0], sy = s->width ? 1 : (float) size[1];
    const FovBox b = s->objects[i].box;

    return (FovBox){ b.x1 * sx, b.y1 * sy, b.x2 * sx, b.y2 * sy };
}

/* What lies mostly in a region to be ignored for all classes is neither right nor wrong. */
static void
drop_ignored (GArray *found, FovBox region)
{
    guint n = 0;

    for (guint i = 0; i < found->len; i++) {
        const FovDetection d = g_array_index (found, FovDetection, i);
        const FovBox both = { MAX (d.box.x1, region.x1), MAX (d.box.y1, region.y1),
                              MIN (d.box.x2, region.x2), MIN (d.box.y2, region.y2) };
        if (fov_box_area (both) < 0.5f * fov_box_area (d.box))
            g_array_index (found, FovDetection, n++) = d;
    }
    g_array_set_size (found, n);
}

static void
add_picture (FovCocoEval *eval, const FovSample *s, const int size[2], GArray *found,
             GArray *truths)
{
    g_array_set_size (truths, 0);
    for (guint i = 0; i < s->n_objects; i++) {
        const FovBox box = box_in_pixels (s, i, size);
        const FovCocoTruth truth = { box, (double) fov_box_area (box), s->objects[i].label,
                                     s->objects[i].ignore };
        if (truth.category < 0)
            drop_ignored (found, box);
        else
            g_array_append_val (truths, truth);
    }
    fov_coco_eval_add (eval, (const FovCocoTruth *) (const void *) truths->data, truths->len,
                       (const FovDetection *) (const void *) found->data, found->len);
}

gboolean
detect_data_score (const FovData *data, FovDevice *device, FovModel *model,
                   const FovTrainerIntake *intake, FovLabels *labels, FovCocoSummary *summary,
                   GError **error)
{
    const FovShape shape = { 4, { 1, 3, intake->height, intake->width } };
    g_autoptr (FovModel) sized = fov_model_reshape (model, &shape, error);
    const FovDetectorParams params = { .threshold = (float) THRESHOLD,
                                       .iou_threshold = (float) IOU,
                                       .max_detections = DETECTIONS,
                                       .labels = labels };
    g_autoptr (FovDetector) detector =
        sized ? fov_detector_new (device, sized, &params, error) : NULL;
    g_autoptr (FovCocoEval) eval = fov_coco_eval_new ();
    g_autoptr (GArray) truths = g_array_new (FALSE, FALSE, sizeof (FovCocoTruth));
    g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (FovDetection));

    if (!detector)
        return FALSE;
    for (guint i = 0; i < fov_data_length (data) && !interrupted (); i++) {
        const FovSample *sample = fov_data_sample (data, i);
        int size[2];
        if (!detect (detector, sample, size, found, error)) {
            g_prefix_error (error, "%s: ", sample->name);
            return FALSE;
        }
        add_picture (eval, sample, size, found, truths);
    }
    fov_coco_eval_summarize (eval, summary);
    return TRUE;
}
