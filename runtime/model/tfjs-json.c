/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/tfjs.h"

#include "vision/json.h"

/* A value of two characters becomes a node of some eighty bytes. */
#define MAX_SIZE ((gsize) 64 << 20)

JsonNode *
fov_tfjs_parse (GBytes *data, GError **error)
{
    gsize size;
    const char *text = g_bytes_get_data (data, &size);

    if (size > MAX_SIZE) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_UNSUPPORTED,
                     "%" G_GSIZE_FORMAT " bytes of JSON, expected at most %" G_GSIZE_FORMAT, size,
                     MAX_SIZE);
        return NULL;
    }
    return fov_json_parse (text, size, error);
}

static JsonNode *
member (JsonObject *object, const char *key, JsonNodeType type)
{
    JsonNode *node = object ? json_object_get_member (object, key) : NULL;

    return node && json_node_get_node_type (node) == type ? node : NULL;
}

JsonObject *
fov_json_object (JsonObject *object, const char *key)
{
    JsonNode *node = member (object, key, JSON_NODE_OBJECT);

    return node ? json_node_get_object (node) : NULL;
}

JsonArray *
fov_json_array (JsonObject *object, const char *key)
{
    JsonNode *node = member (object, key, JSON_NODE_ARRAY);

    return node ? json_node_get_array (node) : NULL;
}

const char *
fov_json_string (JsonObject *object, const char *key)
{
    JsonNode *node = member (object, key, JSON_NODE_VALUE);

    return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
                                                                    : NULL;
}

double
fov_json_number (JsonObject *object, const char *key, double fallback)
{
    JsonNode *node = member (object, key, JSON_NODE_VALUE);
    GType type = node ? json_node_get_value_type (node) : G_TYPE_INVALID;

    if (type == G_TYPE_DOUBLE)
        return json_node_get_double (node);
    return type == G_TYPE_INT64 ? (double) json_node_get_int (node) : fallback;
}

gboolean
fov_json_node_int (JsonNode *node, gint64 *value)
{
    GType type;

    if (!node || json_node_get_node_type (node) != JSON_NODE_VALUE)
        return FALSE;
    type = json_node_get_value_type (node);
    if (type == G_TYPE_STRING)
        return g_ascii_string_to_signed (json_node_get_string (node), 10, G_MININT64, G_MAXINT64,
                                         value, NULL);
    if (type == G_TYPE_INT64)
        *value = json_node_get_int (node);
    else if (type == G_TYPE_BOOLEAN)
        *value = json_node_get_boolean (node);
    else
        return FALSE;
    return TRUE;
}

gint64
fov_json_int (JsonObject *object, const char *key, gint64 fallback)
{
    gint64 value;

    return fov_json_node_int (member (object, key, JSON_NODE_VALUE), &value) ? value : fallback;
}

char *
fov_json_bytes (JsonNode *node)
{
    JsonArray *array;
    GString *text;

    if (!node)
        return NULL;
    if (json_node_get_node_type (node) == JSON_NODE_VALUE &&
        json_node_get_value_type (node) == G_TYPE_STRING) {
        gsize size;
        g_autofree guchar *raw = g_base64_decode (json_node_get_string (node), &size);
        return g_strndup ((const char *) raw, size);
    }
    if (json_node_get_node_type (node) != JSON_NODE_ARRAY)
        return NULL;
    array = json_node_get_array (node);
    text = g_string_new (NULL);
    for (guint i = 0; i < json_array_get_length (array); i++) {
        gint64 byte;
        if (fov_json_node_int (json_array_get_element (array, i), &byte) && byte > 0 && byte < 256)
            g_string_append_c (text, (char) byte);
    }
    return g_string_free (text, FALSE);
}
