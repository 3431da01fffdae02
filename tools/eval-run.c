/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval.h"
#include "interrupt.h"

#include <fovea/media.h>

#define IN_FLIGHT 2

typedef struct {
    guint image; /* index */
    FovImage pixels;
    FovTicket ticket;
} Slot;

typedef struct {
    const EvalOptions *options;
    const FovData *data;
    FovDetector *detector;
    GArray *map; /* of its classes */
    GPtrArray *found;
    Slot slots[IN_FLIGHT];
} Eval;

/* Classes become the data's; what is none of them is left out, as its rules say. */
static void
map_classes (const Eval *eval, GArray *found)
{
    guint n = 0;

    for (guint i = 0; i < found->len; i++) {
        FovDetection d = g_array_index (found, FovDetection, i);
        if (d.label < 0 || (guint) d.label >= eval->map->len)
            continue;
        d.label = g_array_index (eval->map, int, (guint) d.label);
        if (d.label >= 0)
            g_array_index (found, FovDetection, n++) = d;
    }
    g_array_set_size (found, n);
}

static gboolean
finish (Eval *eval, Slot *slot, GError **error)
{
    gboolean ok = TRUE;

    if (slot->ticket) {
        ok = fov_detector_wait (eval->detector, slot->ticket, eval->found->pdata[slot->image],
                                error);
        if (ok)
            map_classes (eval, eval->found->pdata[slot->image]);
        else
            g_prefix_error (error, "%s: ", fov_data_sample (eval->data, slot->image)->name);
    }
    slot->ticket = 0;
    g_clear_pointer (&slot->pixels.plane[0], g_free);
    return ok;
}

static gboolean
start (Eval *eval, Slot *slot, guint index, GError **error)
{
    const FovSample *image = fov_data_sample (eval->data, index);

    slot->image = index;
    if (!fov_image_load (image->name, &slot->pixels, error))
        return FALSE;
    if (slot->pixels.width != image->width || slot->pixels.height != image->height) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s' is %dx%d, but the annotations were made on %dx%d", image->name,
                     slot->pixels.width, slot->pixels.height, image->width, image->height);
        return FALSE;
    }
    slot->ticket = fov_detector_submit (eval->detector, &slot->pixels, error);
    return slot->ticket != 0;
}

static gboolean
run_images (Eval *eval, Progress *progress, GError **error)
{
    guint n = fov_data_length (eval->data);
    gboolean ok = TRUE;

    for (guint i = 0; ok && i < n + IN_FLIGHT; i++) {
        Slot *slot = &eval->slots[i % IN_FLIGHT];
        ok = finish (eval, slot, error) && (i >= n || start (eval, slot, i, error));
        if (ok && interrupted ()) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_CANCELLED, "interrupted after %u of %u images",
                         i, n);
            ok = FALSE;
        }
        progress_set (progress, MIN (i, n));
    }
    for (guint s = 0; s < IN_FLIGHT; s++)
        finish (eval, &eval->slots[s], NULL);
    return ok;
}

gboolean
eval_run_model (const EvalOptions *options, const FovData *data, GPtrArray *found, GError **error)
{
    g_autoptr (Progress) progress =
        progress_new ("eval", "images", (gint64) fov_data_length (data), options->quiet);
    Eval eval = { .options = options, .data = data, .found = found };
    gboolean ok;

    eval.detector = model_options_open (&options->model, IN_FLIGHT, progress, error);
    if (!eval.detector)
        return FALSE;
    eval.map = coco_map_classes (data, fov_detector_labels (eval.detector));
    ok = run_images (&eval, progress, error);
    g_array_unref (eval.map);
    fov_detector_unref (eval.detector);
    return ok;
}
