/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the points of objects are called, and which are each other's image in a mirror. */
#include "train/data/data-private.h"

#include <string.h>

static void
points_clear (gpointer data)
{
    FovDataPoints *points = data;

    g_ptr_array_unref (points->names);
    g_free (points->mirror);
}

void
fov_data_points_unref (FovDataPoints *points)
{
    if (points)
        g_atomic_rc_box_release_full (points, points_clear);
}

/* "left_eye" -> "right_eye" and the other way round; NULL where neither word is in it. */
static char *
other_side (const char *name)
{
    static const char *const sides[2] = { "left", "right" };
    g_autofree char *lower = g_ascii_strdown (name, -1);

    for (int i = 0; i < 2; i++) {
        const char *at = strstr (lower, sides[i]);
        if (at)
            return g_strdup_printf ("%.*s%s%s", (int) (at - lower), lower, sides[1 - i],
                                    at + strlen (sides[i]));
    }
    return NULL;
}

static void
mirror_by_names (FovDataPoints *points)
{
    for (guint i = 0; i < points->names->len; i++) {
        g_autofree char *other = other_side (points->names->pdata[i]);
        points->mirror[i] = i;
        for (guint k = 0; other && k < points->names->len; k++) {
            g_autofree char *back = other_side (points->names->pdata[k]);
            if (back && !g_ascii_strcasecmp (points->names->pdata[k], other) &&
                !g_ascii_strcasecmp (points->names->pdata[i], back))
                points->mirror[i] = k;
        }
    }
    for (guint i = 0; i < points->names->len; i++) /* of two with one name, one has no partner */
        if (points->mirror[points->mirror[i]] != i)
            points->mirror[i] = i;
}

static gboolean
check_mirror (guint n, const int *mirror, GError **error)
{
    for (guint i = 0; i < n; i++)
        if (mirror[i] < 0 || mirror[i] >= (int) n || mirror[mirror[i]] != (int) i) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                         "points: %u is %d in a mirror, expected one of %u that is %u there", i,
                         mirror[i], n, i);
            return FALSE;
        }
    return TRUE;
}

FovDataPoints *
fov_data_points_new (guint n, const char *const *names, const int *mirror, GError **error)
{
    FovDataPoints *points;

    if (!n || n > FOV_DATA_MAX_POINTS) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT, "%u points of an object, expected 1..%d",
                     n, FOV_DATA_MAX_POINTS);
        return NULL;
    }
    if (mirror && !check_mirror (n, mirror, error))
        return NULL;
    points = g_atomic_rc_box_new0 (FovDataPoints);
    points->names = g_ptr_array_new_with_free_func (g_free);
    points->mirror = g_new (guint, n);
    for (guint i = 0; i < n; i++) {
        g_ptr_array_add (points->names, g_strdup (names ? names[i] : ""));
        points->mirror[i] = mirror ? (guint) mirror[i] : i;
    }
    if (!mirror)
        mirror_by_names (points);
    return points;
}
