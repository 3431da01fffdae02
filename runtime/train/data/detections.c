/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What some detector found, as COCO's results. */
#include "train/data/data-private.h"

#include <math.h>

typedef struct {
    const FovData *data;
    GHashTable *samples; /* gint64 * id -> index + 1 */
    GHashTable *labels;  /* category id -> label + 1 */
    GPtrArray *found;    /* GArray of FovDetection */
} Reader;

static gboolean
read_found (Reader *r, const FovJsonAt *at, JsonObject *object)
{
    const double score = fov_field_number (fov_field_member (object, "score"));
    FovDetection d = { 0 };
    gint64 image, category;
    guint index;

    if (!fov_field_int (at, object, "image_id", G_MININT64, G_MAXINT64, &image) ||
        !fov_field_int (at, object, "category_id", 0, G_MAXINT, &category) ||
        !fov_field_box (at, object, &d.box))
        return FALSE;
    if (isnan (score))
        return fov_field_wrong (at, "\"score\" is missing or no number");
    index = GPOINTER_TO_UINT (g_hash_table_lookup (r->samples, &image));
    d.score = (float) score;
    d.label =
        GPOINTER_TO_INT (g_hash_table_lookup (r->labels, GINT_TO_POINTER ((int) category))) - 1;
    if (index && d.label >= 0)
        g_array_append_val (r->found->pdata[index - 1], d);
    return TRUE;
}

static void
note_ids (Reader *r)
{
    for (guint i = 0; i < fov_data_length (r->data); i++) {
        gint64 *key = g_new (gint64, 1);
        *key = fov_data_sample (r->data, i)->id;
        g_hash_table_insert (r->samples, key, GUINT_TO_POINTER (i + 1));
        g_ptr_array_add (r->found, g_array_new (FALSE, FALSE, sizeof (FovDetection)));
    }
    for (guint c = 0; c < fov_data_n_classes (r->data); c++)
        g_hash_table_insert (r->labels, GINT_TO_POINTER (fov_data_class_id (r->data, c)),
                             GINT_TO_POINTER ((int) c + 1));
}

static gboolean
read_all (Reader *r, const char *path, GError **error)
{
    g_autoptr (JsonNode) root = fov_field_file (path, error);
    JsonArray *array = root && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;
    FovJsonAt at = { path, "detections", 0, error };

    if (root && !array)
        return fov_field_wrong (&(FovJsonAt){ path, NULL, 0, error },
                                "no list; expected COCO results, [{\"image_id\", "
                                "\"category_id\", \"bbox\", \"score\"}, ...]");
    for (; array && at.index < json_array_get_length (array); at.index++) {
        JsonObject *object = fov_field_entry (&at, array);
        if (!object || !read_found (r, &at, object))
            return FALSE;
    }
    return array != NULL;
}

GPtrArray *
fov_data_read_detections (const FovData *data, const char *path, GError **error)
{
    Reader r = { .data = data,
                 .samples = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL),
                 .labels = g_hash_table_new (NULL, NULL),
                 .found = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref) };

    note_ids (&r);
    if (!read_all (&r, path, error))
        g_clear_pointer (&r.found, g_ptr_array_unref);
    g_hash_table_unref (r.samples);
    g_hash_table_unref (r.labels);
    return r.found;
}
