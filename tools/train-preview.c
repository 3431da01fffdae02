/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A picture of what a network would learn from: augmented pictures with boxes, masks, points. */
#include "train-task.h"

#include <math.h>

#include <fovea/loader.h>
#include <fovea/media.h>
#include <fovea/overlay.h>

enum { GAP = 2 }; /* pixels between the pictures */

/* What batches are made of. */
typedef struct {
    Task task;          /* of other data than boxes */
    TrainSource source; /* of folders of classes */
    FovData *data;
    FovLoader *loader;
} View;

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

/* The golden angle apart, so that neighbours differ. */
static void
colour_of (guint index, guint8 colour[3])
{
    const double hue = fmod (index * 0.61803398875, 1) * 6;

    for (int c = 0; c < 3; c++) {
        const double at = fabs (fmod (hue + 2 * c, 6) - 3);
        colour[c] = (guint8) (255 * CLAMP (at - 0.5, 0.1, 1));
    }
}

static void
blend (guint8 *pixel, const guint8 colour[3], double share)
{
    for (int c = 0; c < 3; c++)
        pixel[c] = (guint8) (pixel[c] + share * (colour[c] - pixel[c]) + 0.5);
}

/* Masks of objects by their row, else by class; where nobody knows it is dark. */
static void
tint (FovImage *part, const FovBatch *batch, guint i)
{
    static const guint8 black[3] = { 0 };
    const gsize pixels = (gsize) part->width * (gsize) part->height;
    const gint64 *labels = (const gint64 *) batch->masks.data + i * pixels;
    const gint32 *rows = (const gint32 *) batch->instances.data + i * pixels;

    for (gsize k = 0; k < pixels; k++) {
        guint8 *pixel = part->plane[0] + k / (gsize) part->width * (gsize) part->stride[0] +
                        3 * (k % (gsize) part->width);
        guint8 colour[3];
        colour_of ((guint) MAX (rows[k] > 0 ? rows[k] : labels[k], 0), colour);
        if (labels[k] > 0)
            blend (pixel, colour, 0.45);
        else if (labels[k] < 0)
            blend (pixel, black, 0.6);
    }
}

/* A square of three pixels for each point that shows. */
static void
dot_points (FovImage *part, const FovBatch *batch, guint i)
{
    const gint64 n = batch->objects.shape.dim[1], of_each = batch->points.shape.dim[2];
    const float *p = (const float *) batch->points.data + (gint64) i * n * of_each * 3;

    for (gint64 k = 0; k < n * of_each; k++, p += 3) {
        guint8 colour[3];
        if (p[2] == (float) FOV_POINT_NONE)
            continue;
        colour_of ((guint) (k % of_each), colour);
        for (int y = MAX ((int) p[1] - 1, 0); y <= MIN ((int) p[1] + 1, part->height - 1); y++)
            for (int x = MAX ((int) p[0] - 1, 0); x <= MIN ((int) p[0] + 1, part->width - 1); x++)
                blend (part->plane[0] + (gsize) y * (gsize) part->stride[0] + 3 * (gsize) x, colour,
                       p[2] == (float) FOV_POINT_HIDDEN ? 0.5 : 1);
    }
}

/* Classes of the whole picture, with their shares where it was put together. */
static char *
name_classes (const FovData *data, const FovBatch *batch, guint i)
{
    const guint n = fov_data_n_classes (data);
    const float *shares = (const float *) batch->classes.data + (gsize) i * n;
    GString *text = g_string_new (NULL);

    for (guint c = 0; c < n && batch->classes.data; c++) {
        if (shares[c] <= 0)
            continue;
        g_string_append_printf (text, "%s%s", text->len ? ", " : "", fov_data_class (data, c));
        if (shares[c] < 0.995f)
            g_string_append_printf (text, " %.0f %%", (double) (100 * shares[c]));
    }
    return g_string_free (text, FALSE);
}

/* The rows of picture i as things to draw; classes of the whole picture as its frame. */
static void
make_items (GArray *items, const FovData *data, const FovBatch *batch, guint i, const char *classes)
{
    const gint64 label = ((const gint64 *) batch->labels.data)[i], n = batch->objects.shape.dim[1];
    const float *row = (const float *) batch->objects.data + (gint64) i * n * 6;
    const float width = (float) batch->pictures.shape.dim[3];
    const float height = (float) batch->pictures.shape.dim[2];

    g_array_set_size (items, 0);
    for (gint64 k = 0; k < n && row[5] != 0; k++, row += 6)
        add_item (items, (FovBox){ row[0], row[1], row[2], row[3] },
                  row[5] < 0 ? "ignored" : fov_data_class (data, (guint) row[4]), (int) row[4],
                  row[5] < 0);
    if (*classes)
        add_item (items, (FovBox){ 0, 0, width, height }, classes, (int) label, FALSE);
}

/* Each picture by itself, so that labels stay on theirs. */
static gboolean
draw_sheet (const FovData *data, const FovBatch *batch, FovImage *sheet, int columns,
            GError **error)
{
    const int width = (int) batch->pictures.shape.dim[3];
    const int height = (int) batch->pictures.shape.dim[2];
    const FovOverlayParams look = { .line_width = 2, .font_size = MAX ((float) width / 28, 10) };
    g_autoptr (FovOverlay) overlay = fov_overlay_new (&look);
    g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (FovOverlayItem));
    const gsize floats = (gsize) 3 * width * height;

    for (int i = 0; i < (int) batch->pictures.shape.dim[0]; i++) {
        g_autofree char *classes = name_classes (data, batch, (guint) i);
        FovImage part = *sheet;
        part.width = width;
        part.height = height;
        part.plane[0] += (gsize) (i / columns * (height + GAP)) * sheet->stride[0] +
                         3 * (gsize) (i % columns * (width + GAP));
        put_pixels (&part, (const float *) batch->pictures.data + i * floats);
        if (batch->masks.data)
            tint (&part, batch, (guint) i);
        if (batch->points.data)
            dot_points (&part, batch, (guint) i);
        make_items (items, data, batch, (guint) i, classes);
        if (!fov_overlay_draw (overlay, &part, (const FovOverlayItem *) (void *) items->data,
                               items->len, error))
            return FALSE;
    }
    return TRUE;
}

/* Boxes, as a detector's network would see them. */
static gboolean
open_boxes (View *view, const TrainOptions *o, const char *path, GError **error)
{
    FovLoaderParams params = { .width = o->size,
                               .height = o->size,
                               .batch = (guint) o->batch,
                               .seed = (guint64) o->seed,
                               .balance = o->balance,
                               .ahead = 1,
                               .load = train_load_picture };

    if (!train_parse_augment (o->augment, &params.augment, error))
        return FALSE;
    view->data = train_open_boxes (o, path, error);
    if (!view->data)
        return FALSE;
    params.masks = fov_data_has_masks (view->data);
    params.max_objects = train_object_rows (view->data, &params.augment, FALSE);
    view->loader = fov_loader_new (view->data, &params, error);
    return view->loader != NULL;
}

static gboolean
open_classes (View *view, const TrainOptions *o, const char *path, GError **error)
{
    FovData *data = fov_data_open (path, &(FovDataParams){ .format = FOV_DATA_FOLDERS }, error);

    if (!data)
        return FALSE;
    view->source = (TrainSource){
        .width = o->size, .height = o->size, .fit = SOURCE_CUT, .augment = SOURCE_MOVED
    };
    source_take (&view->source, o, data);
    view->data = fov_data_ref (view->source.train);
    view->loader = source_learn (&view->source, o, NULL, TRUE, error);
    return view->loader != NULL;
}

static gboolean
open_view (View *view, const TrainOptions *o, const TaskKind *kind, const char *path,
           GError **error)
{
    if (!kind)
        return !o->annotations && fov_data_format (path) == FOV_DATA_FOLDERS
                   ? open_classes (view, o, path, error)
                   : open_boxes (view, o, path, error);
    if (!task_open (&view->task, o, kind, path, error))
        return FALSE;
    view->data = fov_data_ref (view->task.source.train);
    view->loader = source_learn (&view->task.source, o, NULL, TRUE, error);
    return view->loader != NULL;
}

gboolean
train_preview (const TrainOptions *options, const TaskKind *kind, const char *path, GError **error)
{
    TrainOptions o = *options;
    View view = { 0 };
    FovImage sheet = { 0 };
    FovBatch batch;
    gboolean ok;

    o.size = o.size ? o.size : kind && kind->size ? 2 * kind->size : 320;
    o.batch = o.batch ? o.batch : 16;
    ok = open_view (&view, &o, kind, path, error) && fov_loader_next (view.loader, &batch, error);
    if (ok) {
        const int n = o.batch, columns = (int) ceil (sqrt (n)), rows = (n + columns - 1) / columns;
        const int width = (int) batch.pictures.shape.dim[3];
        const int height = (int) batch.pictures.shape.dim[2];
        ok = fov_image_alloc (&sheet, FOV_PIXEL_RGB, columns * (width + GAP) - GAP,
                              rows * (height + GAP) - GAP, error) &&
             draw_sheet (view.data, &batch, &sheet, columns, error) &&
             fov_image_save (&sheet, o.preview, error);
    }
    fov_loader_free (view.loader);
    fov_data_unref (view.data);
    task_clear (&view.task);
    source_clear (&view.source);
    g_free (sheet.plane[0]);
    return ok;
}
