/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "coco.h"

#include "print.h"

#include <math.h>
#include <string.h>

/* ---- reading JSON ---------------------------------------------------------- */

/* Where in a file something is wrong. */
typedef struct {
    const char *path, *list;
    guint index;
    GError **error;
} Place;

static gboolean
wrong (const Place *place, const char *found)
{
    g_set_error (place->error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s[%u]: %s", place->path,
                 place->list, place->index, found);
    return FALSE;
}

static JsonNode *
member (JsonObject *object, const char *name)
{
    return object ? json_object_get_member (object, name) : NULL;
}

static gboolean
is_number (JsonNode *node)
{
    GType type = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : 0;

    return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

static gboolean
get_int (const Place *place, JsonObject *object, const char *name, gint64 min, gint64 max,
         gint64 *value)
{
    JsonNode *node = member (object, name);
    double v = is_number (node) ? json_node_get_double (node) : NAN;

    /* 2^63 and more fit no gint64; what json-glib makes of them is left open. */
    if (v == floor (v) && fabs (v) < 0x1p63) {
        *value = json_node_get_int (node);
        if (*value >= min && *value <= max)
            return TRUE;
    }
    g_autofree char *text = g_strdup_printf (
        "\"%s\" is missing or wrong, expected a whole number from %" G_GINT64_FORMAT
        " to %" G_GINT64_FORMAT,
        name, min, max);
    return wrong (place, text);
}

/* "bbox": [x, y, width, height]. */
static gboolean
get_box (const Place *place, JsonObject *object, FovBox *box)
{
    JsonNode *node = member (object, "bbox");
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
    double v[4];

    if (!array || json_array_get_length (array) != 4)
        return wrong (place, "\"bbox\" is missing or wrong, expected [x, y, width, height]");
    for (guint i = 0; i < 4; i++) {
        JsonNode *number = json_array_get_element (array, i);
        v[i] = is_number (number) ? json_node_get_double (number) : NAN;
        if (!(fabs (v[i]) < 1e9))
            return wrong (place, "\"bbox\" holds something else than numbers of pixels");
    }
    *box = (FovBox){ (float) v[0], (float) v[1], (float) (v[0] + v[2]), (float) (v[1] + v[3]) };
    return TRUE;
}

static JsonParser *
parse_file (const char *path, GError **error)
{
    g_autoptr (JsonParser) parser = json_parser_new_immutable ();
    g_autoptr (GError) found = NULL;

    if (json_parser_load_from_mapped_file (parser, path, &found))
        return g_steal_pointer (&parser);
    g_set_error (error, FOV_ERROR,
                 found->domain == JSON_PARSER_ERROR ? FOV_ERROR_FORMAT : FOV_ERROR_IO,
                 "cannot read '%s': %s", path, found->message);
    return NULL;
}

static JsonArray *
list_of (JsonParser *parser, const char *path, const char *name, GError **error)
{
    JsonNode *root = json_parser_get_root (parser);
    JsonNode *list = NULL;

    if (root && JSON_NODE_HOLDS_OBJECT (root))
        list = member (json_node_get_object (root), name);
    if (list && JSON_NODE_HOLDS_ARRAY (list))
        return json_node_get_array (list);
    g_set_error (
        error, FOV_ERROR, FOV_ERROR_FORMAT,
        "'%s' has no list \"%s\"; expected COCO annotations (instances_*.json) with images, "
        "annotations and categories",
        path, name);
    return NULL;
}

static JsonObject *
entry (const Place *place, JsonArray *array)
{
    JsonNode *node = json_array_get_element (array, place->index);

    if (node && JSON_NODE_HOLDS_OBJECT (node))
        return json_node_get_object (node);
    wrong (place, "expected an object");
    return NULL;
}

/* ---- annotations ----------------------------------------------------------- */

static void
image_clear (gpointer data)
{
    CocoImage *image = data;

    g_free (image->file);
    g_array_unref (image->truths);
}

static void
category_clear (gpointer data)
{
    g_free (((CocoCategory *) data)->name);
}

static const char *
text_of (JsonObject *object, const char *name)
{
    JsonNode *node = member (object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string (node);
}

static gboolean
read_image (Coco *coco, const Place *place, JsonObject *object)
{
    CocoImage image = { 0 };
    const char *file = text_of (object, "file_name");
    gint64 width, height;
    gint64 *key;

    if (!object || !get_int (place, object, "id", G_MININT64, G_MAXINT64, &image.id) ||
        !get_int (place, object, "width", 1, 32768, &width) ||
        !get_int (place, object, "height", 1, 32768, &height))
        return FALSE;
    if (!file)
        return wrong (place, "\"file_name\" is missing");
    image.width = (int) width;
    image.height = (int) height;
    image.file = g_path_get_basename (file);
    image.truths = g_array_new (FALSE, FALSE, sizeof (FovCocoTruth));
    g_array_append_val (coco->images, image);
    key = g_new (gint64, 1);
    *key = image.id;
    g_hash_table_insert (coco->index, key, GUINT_TO_POINTER (coco->images->len));
    return TRUE;
}

static gboolean
read_category (Coco *coco, const Place *place, JsonObject *object)
{
    const char *name = text_of (object, "name");
    CocoCategory category = { 0 };
    gint64 id;

    if (!object || !get_int (place, object, "id", 0, G_MAXINT, &id))
        return FALSE;
    if (!name)
        return wrong (place, "\"name\" is missing");
    category.id = (int) id;
    category.name = g_strdup (name);
    g_array_append_val (coco->categories, category);
    return TRUE;
}

static CocoImage *
image_by_id (const Coco *coco, gint64 id)
{
    guint index = GPOINTER_TO_UINT (g_hash_table_lookup (coco->index, &id));

    return index ? &g_array_index (coco->images, CocoImage, index - 1) : NULL;
}

static gboolean
read_truth (Coco *coco, const Place *place, JsonObject *object)
{
    FovCocoTruth truth = { 0 };
    JsonNode *area = member (object, "area");
    gint64 image_id, category, crowd = 0;
    CocoImage *image;

    if (!object || !get_int (place, object, "image_id", G_MININT64, G_MAXINT64, &image_id) ||
        !get_int (place, object, "category_id", 0, G_MAXINT, &category) ||
        !get_box (place, object, &truth.box))
        return FALSE;
    if (member (object, "iscrowd") && !get_int (place, object, "iscrowd", 0, 1, &crowd))
        return FALSE;
    image = image_by_id (coco, image_id);
    if (!image) /* beyond the first ones that were asked for */
        return TRUE;
    truth.area = is_number (area) ? json_node_get_double (area) : fov_box_area (truth.box);
    truth.category = (int) category;
    truth.crowd = crowd != 0;
    g_array_append_val (image->truths, truth);
    coco->n_truths++;
    return TRUE;
}

typedef gboolean (*ReadEntry) (Coco *coco, const Place *place, JsonObject *object);

static gboolean
read_list (Coco *coco, JsonParser *parser, const char *path, const char *name, guint most,
           ReadEntry read, GError **error)
{
    JsonArray *array = list_of (parser, path, name, error);
    Place place = { path, name, 0, error };
    guint n = array ? json_array_get_length (array) : 0;

    if (!array)
        return FALSE;
    if (most)
        n = MIN (n, most);
    for (place.index = 0; place.index < n; place.index++) {
        JsonObject *object = entry (&place, array);
        if (!object || !read (coco, &place, object))
            return FALSE;
    }
    return TRUE;
}

Coco *
coco_load (const char *path, guint max_images, GError **error)
{
    g_autoptr (Coco) coco = g_new0 (Coco, 1);
    g_autoptr (JsonParser) parser = parse_file (path, error);

    coco->images = g_array_new (FALSE, TRUE, sizeof (CocoImage));
    coco->categories = g_array_new (FALSE, TRUE, sizeof (CocoCategory));
    coco->index = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
    g_array_set_clear_func (coco->images, image_clear);
    g_array_set_clear_func (coco->categories, category_clear);
    if (!parser || !read_list (coco, parser, path, "categories", 0, read_category, error) ||
        !read_list (coco, parser, path, "images", max_images, read_image, error) ||
        !read_list (coco, parser, path, "annotations", 0, read_truth, error))
        return NULL;
    return g_steal_pointer (&coco);
}

void
coco_free (Coco *coco)
{
    if (!coco)
        return;
    g_array_unref (coco->images);
    g_array_unref (coco->categories);
    g_hash_table_unref (coco->index);
    g_free (coco);
}

/* ---- classes --------------------------------------------------------------- */

static int
category_named (const Coco *coco, const char *name)
{
    for (guint i = 0; name && *name && i < coco->categories->len; i++) {
        const CocoCategory *c = &g_array_index (coco->categories, CocoCategory, i);
        if (!g_ascii_strcasecmp (c->name, name))
            return c->id;
    }
    return -1;
}

static gboolean
has_value (const GArray *ids, int id)
{
    for (guint i = 0; i < ids->len; i++)
        if (g_array_index (ids, int, i) == id)
            return TRUE;
    return FALSE;
}

static gboolean
is_category (const Coco *coco, int id)
{
    for (guint i = 0; i < coco->categories->len; i++)
        if (g_array_index (coco->categories, CocoCategory, i).id == id)
            return TRUE;
    return FALSE;
}

GArray *
coco_map_classes (const Coco *coco, const FovLabels *labels)
{
    GArray *ids = g_array_new (FALSE, FALSE, sizeof (int));
    guint n = labels ? fov_labels_count (labels) : 0, n_named = 0;

    for (guint k = 0; k < n; k++) {
        int id = category_named (coco, fov_labels_get (labels, k));
        n_named += id >= 0;
        g_array_append_val (ids, id);
    }
    for (guint k = 0; k < n; k++) {
        int *id = &g_array_index (ids, int, k);
        if (*id >= 0)
            continue;
        if (n == 90 && !n_named && is_category (coco, (int) k + 1))
            *id = (int) k + 1;
        if (n == coco->categories->len) {
            int at = g_array_index (coco->categories, CocoCategory, k).id;
            if (!has_value (ids, at))
                *id = at;
        }
    }
    return ids;
}

/* ---- results --------------------------------------------------------------- */

GArray **
coco_new_found (const Coco *coco)
{
    GArray **found = g_new (GArray *, coco->images->len + 1);

    for (guint i = 0; i < coco->images->len; i++)
        found[i] = g_array_new (FALSE, FALSE, sizeof (FovDetection));
    return found;
}

void
coco_free_found (const Coco *coco, GArray **found)
{
    for (guint i = 0; found && i < coco->images->len; i++)
        g_array_unref (found[i]);
    g_free (found);
}

static gboolean
read_found (const Coco *coco, const Place *place, JsonObject *object, GArray **found)
{
    FovDetection d = { 0 };
    JsonNode *score = member (object, "score");
    gint64 image_id, category;
    CocoImage *image;

    if (!object || !get_int (place, object, "image_id", G_MININT64, G_MAXINT64, &image_id) ||
        !get_int (place, object, "category_id", 0, G_MAXINT, &category) ||
        !get_box (place, object, &d.box))
        return FALSE;
    if (!is_number (score))
        return wrong (place, "\"score\" is missing or no number");
    d.score = (float) json_node_get_double (score);
    d.label = (int) category;
    image = image_by_id (coco, image_id);
    if (image)
        g_array_append_val (found[image - (CocoImage *) (void *) coco->images->data], d);
    return TRUE;
}

GArray **
coco_load_found (const Coco *coco, const char *path, GError **error)
{
    g_autoptr (JsonParser) parser = parse_file (path, error);
    JsonNode *root = parser ? json_parser_get_root (parser) : NULL;
    Place place = { path, "detections", 0, error };
    JsonArray *array;
    GArray **found;

    if (!parser)
        return NULL;
    if (!root || !JSON_NODE_HOLDS_ARRAY (root)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "'%s' is no list; expected COCO results, [{\"image_id\", \"category_id\", "
                     "\"bbox\", \"score\"}, ...]",
                     path);
        return NULL;
    }
    array = json_node_get_array (root);
    found = coco_new_found (coco);
    for (place.index = 0; place.index < json_array_get_length (array); place.index++) {
        JsonObject *object = entry (&place, array);
        if (!object || !read_found (coco, &place, object, found)) {
            coco_free_found (coco, found);
            return NULL;
        }
    }
    return found;
}

static void
json_found (JsonBuilder *b, gint64 image_id, const FovDetection *d)
{
    json_builder_begin_object (b);
    json_add_int (b, "image_id", image_id);
    json_add_int (b, "category_id", d->label);
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
coco_save_found (const Coco *coco, GArray *const *found, const char *path, GError **error)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *text = NULL;
    FILE *file = output_open (path, error);

    if (!file)
        return FALSE;
    json_builder_begin_array (b);
    for (guint i = 0; i < coco->images->len; i++)
        for (guint k = 0; k < found[i]->len; k++)
            json_found (b, g_array_index (coco->images, CocoImage, i).id,
                        &g_array_index (found[i], FovDetection, k));
    json_builder_end_array (b);
    text = json_line (b);
    fprintf (file, "%s\n", text);
    return output_close (file, path, error);
}
