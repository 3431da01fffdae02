/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coco.h"

#include "print.h"

/* ---- classes --------------------------------------------------------------- */

static int
class_named (const FovData *data, const char *name)
{
    for (guint i = 0; name && *name && i < fov_data_n_classes (data); i++)
        if (!g_ascii_strcasecmp (fov_data_class (data, i), name))
            return (int) i;
    return -1;
}

static gboolean
has_value (const GArray *labels, int label)
{
    for (guint i = 0; i < labels->len; i++)
        if (g_array_index (labels, int, i) == label)
            return TRUE;
    return FALSE;
}

static int
class_with_id (const FovData *data, int id)
{
    for (guint i = 0; i < fov_data_n_classes (data); i++)
        if (fov_data_class_id (data, i) == id)
            return (int) i;
    return -1;
}

GArray *
coco_map_classes (const FovData *data, const FovLabels *labels)
{
    GArray *map = g_array_new (FALSE, FALSE, sizeof (int));
    guint n = labels ? fov_labels_count (labels) : 0, n_named = 0;

    for (guint k = 0; k < n; k++) {
        int label = class_named (data, fov_labels_get (labels, k));
        n_named += label >= 0;
        g_array_append_val (map, label);
    }
    for (guint k = 0; k < n; k++) {
        int *label = &g_array_index (map, int, k);
        if (*label >= 0)
            continue;
        if (n == 90 && !n_named)
            *label = class_with_id (data, (int) k + 1);
        if (n == fov_data_n_classes (data) && !has_value (map, (int) k))
            *label = (int) k;
    }
    return map;
}

/* ---- results --------------------------------------------------------------- */

GPtrArray *
coco_new_found (const FovData *data)
{
    GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

    for (guint i = 0; i < fov_data_length (data); i++)
        g_ptr_array_add (found, g_array_new (FALSE, FALSE, sizeof (FovDetection)));
    return found;
}

static void
json_found (JsonBuilder *b, const FovData *data, gint64 image_id, const FovDetection *d)
{
    json_builder_begin_object (b);
    json_add_int (b, "image_id", image_id);
    json_add_int (b, "category_id", fov_data_class_id (data, (guint) d->label));
    json_builder_set_member_name (b, "bbox");
    json_builder_begin_array (b);
    json_add_number (b, NULL, d->box.x1);
    json_add_number (b, NULL, d->box.y1);
    json_add_number (b, NULL, d->box.x2 - d->box.x1);
    json_add_number (b, NULL, d->box.y2 - d->box.y1);
    json_builder_end_array (b);
    json_add_number (b, "score", d->score);
    json_builder_end_object (b);
}

gboolean
coco_save_found (const FovData *data, const GPtrArray *found, const char *path, GError **error)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *text = NULL;
    FILE *file = output_open (path, error);

    if (!file)
        return FALSE;
    json_builder_begin_array (b);
    for (guint i = 0; i < found->len; i++) {
        const GArray *of = found->pdata[i];
        for (guint k = 0; k < of->len; k++)
            json_found (b, data, fov_data_sample (data, i)->id,
                        &g_array_index (of, FovDetection, k));
    }
    json_builder_end_array (b);
    text = json_line (b);
    fprintf (file, "%s\n", text);
    return output_close (file, path, error);
}
