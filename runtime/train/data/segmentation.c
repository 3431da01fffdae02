/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* COCO's "segmentation" and "keypoints". */
#include "train/data/data-private.h"

#include <math.h>

/* ---- outlines ------------------------------------------------------------------ */

static JsonArray *
array_of (JsonNode *node)
{
    return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
read_outline (const FovJsonAt *at, JsonArray *numbers, FovShape2D *shape)
{
    const guint n = numbers ? json_array_get_length (numbers) : 0, corners = n / 2;

    if (n < 6 || n % 2)
        return fov_field_wrong (at,
                                "\"segmentation\": an outline of %u numbers, expected x, y of 3 "
                                "corners or more",
                                n);
    for (guint i = 0; i < n; i++) {
        const double v = fov_field_number (json_array_get_element (numbers, i));
        const float value = (float) v;
        if (!(fabs (v) < 1e6))
            return fov_field_wrong (at, "\"segmentation\" holds something else than numbers of "
                                        "pixels");
        g_array_append_val (shape->corners, value);
    }
    g_array_append_val (shape->lengths, corners);
    return TRUE;
}

/* ---- runs ---------------------------------------------------------------------- */

typedef struct {
    const FovJsonAt *at;
    GArray *runs;
    guint64 sum, size; /* pixels so far; of the picture */
} Runs;

static gboolean
add_run (Runs *r, double length)
{
    const guint32 run = (guint32) MAX (length, 0);

    if (!(length >= 0 && length <= (double) (r->size - r->sum)) || length != floor (length))
        return fov_field_wrong (r->at,
                                "\"segmentation\": counts[%u] is %.17g, expected a whole number of "
                                "at most %" G_GUINT64_FORMAT " pixels that are left",
                                r->runs->len, length, r->size - r->sum);
    r->sum += run;
    g_array_append_val (r->runs, run);
    return TRUE;
}

/*
 * Numbers in groups of five bits, the lowest first, a character (48 and up) each; a sixth
 * bit says that more follow, the fifth of the last one is the sign. From the fourth on
 * they are differences from the one before the last.
 */
static gboolean
read_text (Runs *r, const char *text)
{
    while (*text) {
        gint64 value = 0;
        int bits = 0, c;
        do {
            c = *text++ - 48;
            if (c < 0 || c > 63 || bits > 35)
                return fov_field_wrong (r->at,
                                        "\"segmentation\": counts: number %u is no run-length "
                                        "code",
                                        r->runs->len);
            value |= (gint64) (c & 31) << bits;
            bits += 5;
        } while (c & 32);
        if (c & 16)
            value -= (gint64) 1 << bits;
        if (r->runs->len > 2)
            value += g_array_index (r->runs, guint32, r->runs->len - 2);
        if (!add_run (r, (double) value))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_counts (Runs *r, JsonObject *code)
{
    const char *text = fov_field_text (code, "counts");
    JsonArray *counts = array_of (fov_field_member (code, "counts"));
    const guint n = counts ? json_array_get_length (counts) : 0;

    if (!text && !counts)
        return fov_field_wrong (r->at, "\"segmentation\": \"counts\" is missing, expected numbers "
                                       "or a text");
    if (text && !read_text (r, text))
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (!add_run (r, fov_field_number (json_array_get_element (counts, i))))
            return FALSE;
    return r->sum == r->size || fov_field_wrong (r->at,
                                                 "\"segmentation\": counts of %" G_GUINT64_FORMAT
                                                 " pixels, expected %" G_GUINT64_FORMAT,
                                                 r->sum, r->size);
}

static gboolean
read_code (const FovJsonAt *at, JsonObject *code, int width, int height, FovShape2D *shape)
{
    JsonArray *size = array_of (fov_field_member (code, "size"));
    Runs runs = { at, shape->runs, 0, (guint64) width * (guint64) height };

    if (!size || json_array_get_length (size) != 2 ||
        fov_field_number (json_array_get_element (size, 0)) != height ||
        fov_field_number (json_array_get_element (size, 1)) != width)
        return fov_field_wrong (at,
                                "\"segmentation\": \"size\" is missing or wrong, expected the "
                                "picture's [%d, %d]",
                                height, width);
    return read_counts (&runs, code);
}

static gboolean
read_mask (const FovJsonAt *at, JsonNode *node, int width, int height, FovShape2D *shape)
{
    JsonArray *outlines = array_of (node);

    if (node && JSON_NODE_HOLDS_OBJECT (node))
        return read_code (at, json_node_get_object (node), width, height, shape);
    if (node && !outlines)
        return fov_field_wrong (at, "\"segmentation\" is neither a list of outlines nor a "
                                    "run-length code");
    for (guint i = 0; outlines && i < json_array_get_length (outlines); i++)
        if (!read_outline (at, array_of (json_array_get_element (outlines, i)), shape))
            return FALSE;
    return TRUE;
}

/* ---- points -------------------------------------------------------------------- */

static gboolean
read_points (const FovJsonAt *at, JsonNode *node, FovData *data, FovShape2D *shape)
{
    JsonArray *numbers = array_of (node);
    const guint n = numbers ? json_array_get_length (numbers) : 0;

    if (!node || (numbers && !n))
        return TRUE;
    if (!fov_data_n_points (data) && n && n % 3 == 0 && fov_data_length (data) == 0 &&
        !fov_data_set_points (data, n / 3, NULL, NULL, NULL))
        return fov_field_wrong (at, "\"keypoints\": %u of them, expected at most %d", n / 3,
                                FOV_DATA_MAX_POINTS);
    if (!n || n != 3 * fov_data_n_points (data))
        return fov_field_wrong (at, "\"keypoints\": %u numbers, expected x, y, 0..2 for each of %u",
                                n, fov_data_n_points (data));
    for (guint i = 0; i < n; i += 3) {
        double v[3];
        FovDataPoint p;
        for (guint k = 0; k < 3; k++)
            v[k] = fov_field_number (json_array_get_element (numbers, i + k));
        if (!(fabs (v[0]) < 1e6 && fabs (v[1]) < 1e6) || (v[2] != 0 && v[2] != 1 && v[2] != 2))
            return fov_field_wrong (at,
                                    "\"keypoints\": point %u is %g, %g, %g, expected x, y, 0..2",
                                    i / 3, v[0], v[1], v[2]);
        p = (FovDataPoint){ (float) v[0], (float) v[1], (FovPointState) v[2] };
        g_array_append_val (shape->points, p);
    }
    return TRUE;
}

gboolean
fov_field_shapes (const FovJsonAt *at, JsonObject *from, int width, int height, FovData *data,
                  FovDataObject *object, GPtrArray *shapes)
{
    JsonNode *mask = fov_field_member (from, "segmentation");
    JsonNode *points = fov_field_member (from, "keypoints");
    FovShape2D *shape;

    if (!mask && !points)
        return TRUE;
    shape = fov_shape_2d_new ();
    g_ptr_array_add (shapes, shape);
    if (!read_mask (at, mask, width, height, shape) || !read_points (at, points, data, shape))
        return FALSE;
    fov_shape_2d_give (shape, object);
    return TRUE;
}

static gboolean
same_names (const FovData *data, const GPtrArray *names)
{
    gboolean same = names->len == fov_data_n_points (data);

    for (guint i = 0; same && i < names->len; i++)
        same = g_str_equal (names->pdata[i], fov_data_point (data, i));
    return same;
}

gboolean
fov_field_point_names (const FovJsonAt *at, JsonObject *object, FovData *data)
{
    JsonNode *node = fov_field_member (object, "keypoints");
    JsonArray *array = array_of (node);
    const guint n = array ? json_array_get_length (array) : 0;
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    if (!node || (array && !n))
        return TRUE;
    for (guint i = 0; i < n; i++) {
        JsonNode *name = json_array_get_element (array, i);
        if (!JSON_NODE_HOLDS_VALUE (name) || json_node_get_value_type (name) != G_TYPE_STRING)
            return fov_field_wrong (at, "\"keypoints\": name %u is no text", i);
        g_ptr_array_add (names, (gpointer) json_node_get_string (name));
    }
    if (!n || n > FOV_DATA_MAX_POINTS)
        return fov_field_wrong (at, "\"keypoints\": expected a list of 1..%d names",
                                FOV_DATA_MAX_POINTS);
    if (fov_data_n_points (data) && !same_names (data, names))
        return fov_field_wrong (at, "\"keypoints\" are others than those before: expected one list "
                                    "for all");
    return fov_data_n_points (data) ||
           fov_data_set_points (data, n, (const char *const *) names->pdata, NULL, at->error);
}
