/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of a picture objects cover, and their points: checked, gathered, copied. */
#include "train/data/data-private.h"

#include <math.h>

/* ---- checking ------------------------------------------------------------------ */

static gboolean
check_outlines (const FovSample *sample, guint index, const FovDataMask *mask, GError **error)
{
    guint64 n = 0;

    for (guint i = 0; i < mask->n_outlines; i++) {
        if (mask->lengths[i] < 3)
            return fov_data_wrong (sample, error,
                                   "object %u: outline %u has %u corners, expected "
                                   "3 or more",
                                   index, i, mask->lengths[i]);
        n += mask->lengths[i];
    }
    if (n > FOV_DATA_MAX_CORNERS)
        return fov_data_wrong (sample, error,
                               "object %u: %" G_GUINT64_FORMAT " corners, expected at most %d",
                               index, n, FOV_DATA_MAX_CORNERS);
    for (guint64 i = 0; i < 2 * n; i++)
        if (!isfinite (mask->corners[i]))
            return fov_data_wrong (sample, error,
                                   "object %u: corner %" G_GUINT64_FORMAT " is no number", index,
                                   i / 2);
    return TRUE;
}

static gboolean
check_runs (const FovSample *sample, guint index, const FovDataMask *mask, GError **error)
{
    const guint64 size = (guint64) sample->width * (guint64) sample->height;
    guint64 n = 0;

    for (guint i = 0; i < mask->n_runs; i++)
        n += mask->runs[i];
    if (n == size)
        return TRUE;
    return fov_data_wrong (sample, error,
                           "object %u: runs of %" G_GUINT64_FORMAT
                           " pixels, expected %" G_GUINT64_FORMAT " of %dx%d",
                           index, n, size, sample->width, sample->height);
}

gboolean
fov_data_check_shapes (const FovSample *sample, guint index, guint n_points, GError **error)
{
    const FovDataObject *o = &sample->objects[index];

    if (o->mask && !(o->mask->n_runs ? check_runs (sample, index, o->mask, error)
                                     : check_outlines (sample, index, o->mask, error)))
        return FALSE;
    for (guint i = 0; o->points && i < n_points; i++) {
        const FovDataPoint p = o->points[i];
        if (p.state > FOV_POINT_VISIBLE ||
            (p.state != FOV_POINT_NONE && (!isfinite (p.x) || !isfinite (p.y))))
            return fov_data_wrong (sample, error, "object %u: point %u is at %g,%g, state %u",
                                   index, i, (double) p.x, (double) p.y, (guint) p.state);
    }
    return TRUE;
}

/* ---- copies -------------------------------------------------------------------- */

static gpointer
keep (GPtrArray *owned, gconstpointer from, gsize bytes)
{
    gpointer copy = bytes ? g_memdup2 (from, bytes) : NULL;

    if (copy)
        g_ptr_array_add (owned, copy);
    return copy;
}

void
fov_data_copy_shapes (FovDataObject *o, guint n_points, GPtrArray *owned)
{
    FovDataMask *mask;
    gsize n = 0;

    if (o->points)
        o->points = keep (owned, o->points, n_points * sizeof *o->points);
    if (!o->mask)
        return;
    mask = keep (owned, o->mask, sizeof *mask);
    for (guint i = 0; !mask->n_runs && i < mask->n_outlines; i++)
        n += mask->lengths[i];
    mask->n_outlines = n ? mask->n_outlines : 0;
    mask->corners = keep (owned, mask->corners, 2 * n * sizeof *mask->corners);
    mask->lengths = keep (owned, mask->lengths, mask->n_outlines * sizeof *mask->lengths);
    mask->runs = keep (owned, mask->runs, mask->n_runs * sizeof *mask->runs);
    o->mask = mask;
}

/* ---- gathering ------------------------------------------------------------------- */

FovShape2D *
fov_shape_2d_new (void)
{
    FovShape2D *shape = g_new0 (FovShape2D, 1);

    shape->corners = g_array_new (FALSE, FALSE, sizeof (float));
    shape->lengths = g_array_new (FALSE, FALSE, sizeof (guint));
    shape->runs = g_array_new (FALSE, FALSE, sizeof (guint32));
    shape->points = g_array_new (FALSE, FALSE, sizeof (FovDataPoint));
    return shape;
}

void
fov_shape_2d_free (gpointer data)
{
    FovShape2D *shape = data;

    g_array_unref (shape->corners);
    g_array_unref (shape->lengths);
    g_array_unref (shape->runs);
    g_array_unref (shape->points);
    g_free (shape);
}

void
fov_shape_2d_give (FovShape2D *s, FovDataObject *object)
{
    s->mask = (FovDataMask){ (const float *) (gconstpointer) s->corners->data,
                             (const guint *) (gconstpointer) s->lengths->data, s->lengths->len,
                             (const guint32 *) (gconstpointer) s->runs->data, s->runs->len };
    if (s->lengths->len || s->runs->len)
        object->mask = &s->mask;
    if (s->points->len)
        object->points = (const FovDataPoint *) (gconstpointer) s->points->data;
}
