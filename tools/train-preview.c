/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture of what a network would learn from: augmented pictures with their boxes. */
#include "train.h"

#include <math.h>

#include <fovea/loader.h>
#include <fovea/media.h>
#include <fovea/overlay.h>

enum { GAP = 2 }; /* pixels between the pictures */

gboolean
train_load_picture (const FovSample *sample, FovImage *image, gpointer data, GError **error)
{
    return sample->bytes ? fov_image_decode (sample->bytes, sample->name, image, error)
                         : fov_image_load (sample->name, image, error);
}

FovData *
train_open_boxes (const TrainOptions *o, const char *path, GError **error)
{
    FovDataParams params = { .pictures = o->images, .most = (guint) o->max_images };

    if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_IO, "%s: no such file or folder", path);
        return NULL;
    }
    if (o->annotations && !g_file_test (path, G_FILE_TEST_IS_DIR)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                     "both '%s' and --annotations are annotations, expected one", path);
        return NULL;
    }
    if (o->annotations && !o->images)
        params.pictures = path;
    return fov_data_open (o->annotations ? o->annotations : path, &params, error);
}

gboolean
train_parse_augment (const char *text, FovAugment *augment, GError **error)
{
    if (fov_augment_parse (text ? text : "light", augment, error))
        return TRUE;
    g_prefix_error (error, "--augment: ");
    return FALSE;
}

static void
put_pixels (FovImage *part, const float *planes)
{
    const gsize plane = (gsize) part->width * part->height;

    for (int y = 0; y < part->height; y++)
        for (int x = 0; x < part->width; x++)
            for (gsize c = 0; c < 3; c++)
                part->plane[0][(gsize) y * part->stride[0] + 3 * (gsize) x + c] =
                    (guint8) (planes[c * plane + (gsize) y * part->width + x] + 0.5f);
}

static void
add_item (GArray *items, FovBox box, const char *label, int class_id, gboolean ignored)
{
    const FovOverlayItem item = { .box = box,
                                  .label = label,
                                  .score = -1,
                                  .class_id = MAX (class_id, 0),
                                  .id = -1,
                                  .dashed = ignored,
                                  .faint = ignored };

    g_array_append_val (items, item);
}

/* The rows of picture i as things to draw; a class of the whole picture as its frame. */
static void
make_items (GArray *items, const FovData *data, const FovBatch *batch, guint i, float side)
{
    const gint64 label = ((const gint64 *) batch->labels.data)[i], n = batch->objects.shape.dim[1];
    const float *row = (const float *) batch->objects.data + (gint64) i * n * 6;

    g_array_set_size (items, 0);
    for (gint64 k = 0; k < n && row[5] != 0; k++, row += 6)
        add_item (items, (FovBox){ row[0], row[1], row[2], row[3] },
                  row[5] < 0 ? "ignored" : fov_data_class (data, (guint) row[4]), (int) row[4],
                  row[5] < 0);
    if (label >= 0)
        add_item (items, (FovBox){ 0, 0, side, side }, fov_data_class (data, (guint) label),
                  (int) label, FALSE);
}

/* Each picture by itself, so that labels stay on theirs. */
static gboolean
draw_sheet (const FovData *data, const FovBatch *batch, FovImage *sheet, int side, int columns,
            GError **error)
{
    const FovOverlayParams look = { .line_width = 2, .font_size = MAX ((float) side / 28, 10) };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&look);
    g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (FovOverlayItem));
    const gsize floats = (gsize) 3 * side * side;

    for (int i = 0; i < (int) batch->pictures.shape.dim[0]; i++) {
        const int left = i % columns * (side + GAP), top = i / columns * (side + GAP);
        FovImage part = *sheet;
        part.width = part.height = side;
        part.plane[0] += (gsize) top * sheet->stride[0] + 3 * (gsize) left;
        put_pixels (&part, (const float *) batch->pictures.data + i * floats);
        make_items (items, data, batch, (guint) i, (float) side);
        if (!fov_overlay_draw (overlay, &part, (const FovOverlayItem *) (void *) items->data,
                               items->len, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
train_preview (const TrainOptions *o, const char *path, GError **error)
{
    const int side = o->size ? o->size : 320, n = o->batch ? o->batch : 16;
    const int columns = (int) ceil (sqrt (n)), rows = (n + columns - 1) / columns;
    FovLoaderParams params = { .width = side,
                               .height = side,
                               .batch = (guint) n,
                               .seed = (guint64) o->seed,
                               .balance = o->balance,
                               .ahead = 1,
                               .load = train_load_picture };
    g_autoptr (FovData) data = NULL;
    g_autoptr (FovLoader) loader = NULL;
    FovImage sheet = { 0 };
    FovBatch batch;
    gboolean ok;

    if (!train_parse_augment (o->augment, &params.augment, error))
        return FALSE;
    data = train_open_boxes (o, path, error);
    loader = data ? fov_loader_new (data, &params, error) : NULL;
    ok = loader && fov_loader_next (loader, &batch, error) &&
         fov_image_alloc (&sheet, FOV_PIXEL_RGB, columns * (side + GAP) - GAP,
                          rows * (side + GAP) - GAP, error) &&
         draw_sheet (data, &batch, &sheet, side, columns, error) &&
         fov_image_save (&sheet, o->preview, error);
    g_free (sheet.plane[0]);
    return ok;
}
