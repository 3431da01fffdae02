/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/data/data-private.h"

#include "vision/json.h"

#include <math.h>

gboolean
fov_field_wrong (const FovJsonAt *at, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    if (at->list)
        g_set_error (at->error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s[%u]: %s", at->file, at->list,
                     at->index, text);
    else
        g_set_error (at->error, FOV_ERROR, FOV_ERROR_FORMAT, "'%s': %s", at->file, text);
    return FALSE;
}

JsonNode *
fov_field_member (JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member (object, name);

    return node && !JSON_NODE_HOLDS_NULL (node) ? node : NULL;
}

double
fov_field_number (JsonNode *node)
{
    GType type = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : 0;

    return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? json_node_get_double (node) : NAN;
}

gboolean
fov_field_int (const FovJsonAt *at, JsonObject *object, const char *name, gint64 min, gint64 max,
               gint64 *value)
{
    JsonNode *node = fov_field_member (object, name);
    double v = fov_field_number (node);

    /* 2^63 and more fit no gint64; what json-glib makes of them is left open. */
    if (v == floor (v) && fabs (v) < 0x1p63) {
        *value = json_node_get_int (node);
        if (*value >= min && *value <= max)
            return TRUE;
    }
    return fov_field_wrong (at,
                            "\"%s\" is missing or wrong, expected a whole number from "
                            "%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                            name, min, max);
}

gboolean
fov_field_maybe_int (const FovJsonAt *at, JsonObject *object, const char *name, gint64 min,
                     gint64 max, gint64 *value)
{
    return !fov_field_member (object, name) || fov_field_int (at, object, name, min, max, value);
}

gboolean
fov_field_box (const FovJsonAt *at, JsonObject *object, FovBox *box)
{
    JsonNode *node = fov_field_member (object, "bbox");
    JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
    double v[4];

    if (!array || json_array_get_length (array) != 4)
        return fov_field_wrong (at, "\"bbox\" is missing or wrong, expected [x, y, width, height]");
    for (guint i = 0; i < 4; i++) {
        v[i] = fov_field_number (json_array_get_element (array, i));
        if (!(fabs (v[i]) < 1e6))
            return fov_field_wrong (at, "\"bbox\" holds something else than numbers of pixels");
    }
    if (v[2] < 0 || v[3] < 0)
        return fov_field_wrong (at, "\"bbox\" has a negative size, %g x %g", v[2], v[3]);
    *box = (FovBox){ (float) v[0], (float) v[1], (float) (v[0] + v[2]), (float) (v[1] + v[3]) };
    return TRUE;
}

const char *
fov_field_text (JsonObject *object, const char *name)
{
    JsonNode *node = fov_field_member (object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string (node);
}

JsonArray *
fov_field_list (const FovJsonAt *at, JsonObject *object, const char *name, gboolean required)
{
    JsonNode *node = object ? fov_field_member (object, name) : NULL;

    if (node && JSON_NODE_HOLDS_ARRAY (node))
        return json_node_get_array (node);
    if (required || node)
        fov_field_wrong (at, "there is no list \"%s\"", name);
    return NULL;
}

JsonObject *
fov_field_entry (const FovJsonAt *at, JsonArray *array)
{
    JsonNode *node = json_array_get_element (array, at->index);

    if (node && JSON_NODE_HOLDS_OBJECT (node))
        return json_node_get_object (node);
    fov_field_wrong (at, "expected an object");
    return NULL;
}

JsonNode *
fov_field_file (const char *path, GError **error)
{
    g_autoptr (GError) found = NULL;
    g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &found);
    JsonNode *root = NULL;

    if (file)
        root = fov_json_parse (g_mapped_file_get_contents (file), g_mapped_file_get_length (file),
                               &found);
    if (!root)
        g_set_error (error, FOV_ERROR, file ? FOV_ERROR_FORMAT : FOV_ERROR_IO,
                     "cannot read '%s': %s", path, found->message);
    return root;
}
