/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/load/paint.h"

#include <math.h>
#include <string.h>

typedef struct {
    FovImage *map;
    float sx, sy; /* from the boxes' unit to pixels */
    guint8 value[3];
    gboolean keep_class; /* the picture of classes knows better */
    guint8 *line;        /* [width + 1] */
} Brush;

static void
dab (const Brush *b, int x, int y)
{
    guint8 *at = b->map->plane[0] + (gsize) y * b->map->stride[0] + 3 * (gsize) x;

    if (!b->keep_class)
        at[0] = b->value[0];
    at[1] = b->value[1];
    at[2] = b->value[2];
}

/* ---- what is painted ------------------------------------------------------------- */

/*
 * A row's pixels whose middle is inside: each edge that the row's middle line meets turns
 * in into out from there on.
 */
static void
paint_row (const Brush *b, const float *corners, guint n, int y)
{
    const double middle = y + 0.5;
    const int width = b->map->width;
    guint8 inside = 0;

    memset (b->line, 0, (gsize) width + 1);
    for (guint i = 0, last = n - 1; i < n; last = i++) {
        const double x0 = (double) (corners[2 * last] * b->sx);
        const double y0 = (double) (corners[2 * last + 1] * b->sy);
        const double x1 = (double) (corners[2 * i] * b->sx);
        const double y1 = (double) (corners[2 * i + 1] * b->sy);
        if ((y0 <= middle) == (y1 <= middle))
            continue;
        const double x = ceil (x0 + (middle - y0) / (y1 - y0) * (x1 - x0) - 0.5);
        b->line[(int) CLAMP (x, 0, width)] ^= 1;
    }
    for (int x = 0; x < width; x++) {
        inside ^= b->line[x];
        if (inside)
            dab (b, x, y);
    }
}

static void
paint_outline (const Brush *b, const float *corners, guint n)
{
    float top = INFINITY, bottom = -INFINITY;

    for (guint i = 0; i < n; i++) {
        top = MIN (top, corners[2 * i + 1] * b->sy);
        bottom = MAX (bottom, corners[2 * i + 1] * b->sy);
    }
    top = CLAMP (floorf (top), 0, (float) b->map->height);
    bottom = CLAMP (ceilf (bottom), 0, (float) b->map->height);
    for (int y = (int) top; y < (int) bottom; y++)
        paint_row (b, corners, n, y);
}

/* Columns come one behind the other. */
static void
paint_runs (const Brush *b, const FovDataMask *mask)
{
    const gsize height = (gsize) b->map->height;
    gsize at = 0;

    for (guint i = 0; i < mask->n_runs; i++) {
        for (guint k = 0; i % 2 && k < mask->runs[i]; k++)
            dab (b, (int) ((at + k) / height), (int) ((at + k) % height));
        at += mask->runs[i];
    }
}

static void
paint_box (const Brush *b, FovBox box)
{
    const int x2 = MIN ((int) ceilf (box.x2 * b->sx - 0.5f), b->map->width);
    const int y2 = MIN ((int) ceilf (box.y2 * b->sy - 0.5f), b->map->height);

    for (int y = MAX ((int) ceilf (box.y1 * b->sy - 0.5f), 0); y < y2; y++)
        for (int x = MAX ((int) ceilf (box.x1 * b->sx - 0.5f), 0); x < x2; x++)
            dab (b, x, y);
}

static void
paint_object (Brush *b, const FovDataObject *o, guint index)
{
    const FovDataMask *mask = o->mask;
    const float *corners = mask ? mask->corners : NULL;
    const gboolean known = mask && !o->ignore;

    b->value[0] = known ? (guint8) (o->label + 1) : FOV_MAP_IGNORED;
    b->value[1] = known ? (guint8) (index + 1) : 0;
    b->value[2] = known ? (guint8) ((index + 1) >> 8) : 0;
    if (!mask)
        paint_box (b, o->box);
    else if (mask->n_runs)
        paint_runs (b, mask);
    for (guint i = 0; mask && !mask->n_runs && i < mask->n_outlines; i++) {
        paint_outline (b, corners, mask->lengths[i]);
        corners += 2 * (gsize) mask->lengths[i];
    }
}

/* ---- in which order --------------------------------------------------------------- */

static gboolean
is_known (const FovDataObject *o)
{
    return o->mask && !o->ignore;
}

/* What is not known lies behind what is; small things lie in front of large ones. */
static int
by_depth (gconstpointer a, gconstpointer b, gpointer objects)
{
    const guint i = *(const guint *) a, k = *(const guint *) b;
    const FovDataObject *x = (const FovDataObject *) objects + i;
    const FovDataObject *y = (const FovDataObject *) objects + k;
    const float ax = fov_box_area (x->box), ay = fov_box_area (y->box);

    if (is_known (x) != is_known (y))
        return is_known (x) ? 1 : -1;
    return ax != ay ? (ax < ay) - (ax > ay) : (i > k) - (i < k);
}

static void
paint_objects (Brush *b, const FovSample *s)
{
    const guint n = MIN (s->n_objects, G_MAXUINT16);
    g_autofree guint *order = g_new (guint, n);

    for (guint i = 0; i < n; i++)
        order[i] = i;
    g_qsort_with_data (order, (int) n, sizeof *order, by_depth, (gpointer) s->objects);
    for (guint i = 0; i < n; i++)
        paint_object (b, &s->objects[order[i]], order[i]);
}

/* ---- pictures of classes ----------------------------------------------------------- */

static gboolean
class_of (guint value, guint n_classes, gboolean half_grey, guint8 *label)
{
    *label = half_grey ? value >= 128 : (guint8) value;
    return *label < n_classes || (!half_grey && *label == FOV_MAP_IGNORED);
}

static gboolean
take_classes (const FovSample *s, const FovImage *from, guint n_classes, gboolean half_grey,
              FovImage *map, GError **error)
{
    const gsize bytes = from->format == FOV_PIXEL_GRAY ? 1 : from->format == FOV_PIXEL_RGB ? 3 : 4;

    for (int y = 0; y < map->height; y++)
        for (int x = 0; x < map->width; x++) {
            const int sy = (int) ((2 * y + 1) * (gint64) from->height / (2 * map->height));
            const int sx = (int) ((2 * x + 1) * (gint64) from->width / (2 * map->width));
            const guint value = from->plane[0][(gsize) sy * from->stride[0] + bytes * (gsize) sx];
            guint8 *to = map->plane[0] + (gsize) y * map->stride[0] + 3 * (gsize) x;
            if (class_of (value, n_classes, half_grey, to))
                continue;
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "'%s': grey value %u at %d,%d, expected a class, 0 to %d, or %d for none",
                         s->mask, value, sx, sy, (int) n_classes - 1, FOV_MAP_IGNORED);
            return FALSE;
        }
    return TRUE;
}

gboolean
fov_paint_map (const FovSample *s, int width, int height, const FovImage *classes, guint n_classes,
               gboolean half_grey, FovImage *map, GError **error)
{
    g_autofree guint8 *line = g_new (guint8, (gsize) width + 1);
    Brush brush = { .map = map,
                    .sx = s->width ? 1 : (float) width,
                    .sy = s->width ? 1 : (float) height,
                    .keep_class = classes != NULL,
                    .line = line };

    if (!fov_image_alloc (map, FOV_PIXEL_RGB, width, height, error))
        return FALSE;
    if (classes && !take_classes (s, classes, n_classes, half_grey, map, error)) {
        g_clear_pointer (&map->plane[0], g_free);
        return FALSE;
    }
    paint_objects (&brush, s);
    return TRUE;
}
