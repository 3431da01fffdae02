/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/labels-private.h"

#include "vision/json.h"
#include "vision/yaml.h"

#include <string.h>

gboolean
fov_labels_append (GPtrArray *names, const char *name, gsize len, GError **error)
{
    if (names->len >= FOV_LABELS_MAX) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "more than %d names", FOV_LABELS_MAX);
        return FALSE;
    }
    g_ptr_array_add (names, g_strstrip (g_strndup (name, len)));
    return TRUE;
}

gboolean
fov_labels_put (GPtrArray *names, guint64 index, const char *name, GError **error)
{
    if (index >= FOV_LABELS_MAX) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "class index %" G_GUINT64_FORMAT ", expected less than %d", index,
                     FOV_LABELS_MAX);
        return FALSE;
    }
    while (names->len <= index)
        g_ptr_array_add (names, g_strdup (""));
    if (*(char *) names->pdata[index]) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "class index %" G_GUINT64_FORMAT " is both \"%s\" and \"%s\"", index,
                     (char *) names->pdata[index], name);
        return FALSE;
    }
    g_free (names->pdata[index]);
    names->pdata[index] = g_strstrip (g_strdup (name));
    return TRUE;
}

/* Steps to the next line; *len is this one's length without its end. NULL after the last. */
static const char *
take_line (const char **text, gsize *len)
{
    const char *line = *text;
    if (!*line)
        return NULL;
    *len = strcspn (line, "\n");
    *text = line + *len + (line[*len] == '\n');
    return line;
}

gboolean
fov_labels_read_lines (const char *text, GPtrArray *names, GError **error)
{
    const char *line;
    gsize len;

    while ((line = take_line (&text, &len)))
        if (!fov_labels_append (names, line, len, error))
            return FALSE;
    while (names->len > 0 && !*(char *) names->pdata[names->len - 1])
        g_ptr_array_set_size (names, (int) names->len - 1);
    return TRUE;
}

/* Splits "  12: 'name'  # note" in place. FALSE where the line is not like that. */
static gboolean
split_indexed (char *line, guint64 *index, char **name)
{
    char *end;
    line = g_strstrip (line);
    if (!g_ascii_isdigit (*line))
        return FALSE;
    *index = g_ascii_strtoull (line, &end, 10);
    end += strspn (end, " \t");
    if (*end != ':')
        return FALSE;
    *name = g_strchug (end + 1);
    char quote = **name;
    if (quote == '\'' || quote == '"') {
        char *close = strchr (*name + 1, quote);
        if (!close)
            return FALSE;
        *close = 0;
        (*name)++;
    } else {
        char *note = strstr (*name, " #");
        if (note)
            *note = 0;
    }
    return **name != 0;
}

static gboolean
is_blank_or_note (const char *line)
{
    line += strspn (line, " \t\r");
    return !*line || *line == '#';
}

static gboolean
walk_indexed (const char *text, GPtrArray *names, GError **error)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        guint64 index;
        char *name;
        if (is_blank_or_note (lines[i]))
            continue;
        if (!split_indexed (lines[i], &index, &name)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "line %u: \"%.40s\", expected \"index: name\"", i + 1, lines[i]);
            return FALSE;
        }
        if (names && !fov_labels_put (names, index, name, error)) {
            g_prefix_error (error, "line %u: ", i + 1);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
fov_labels_is_indexed (const char *text)
{
    const char *line = text + strspn (text, " \t\r\n");
    return g_ascii_isdigit (*line) && walk_indexed (text, NULL, NULL);
}

gboolean
fov_labels_read_indexed (const char *text, GPtrArray *names, GError **error)
{
    return walk_indexed (text, names, error);
}

gboolean
fov_labels_is_yaml (const char *text)
{
    return g_str_has_prefix (text, "names:") || strstr (text, "\nnames:");
}

/* An element of a list (no key), or of a map from indices. */
static gboolean
put_node (const yaml_node_t *key, const yaml_node_t *node, GPtrArray *names, GError **error)
{
    const char *name = fov_yaml_text (node), *number = key ? fov_yaml_text (key) : NULL;
    guint64 index = 0;
    gboolean ok = FALSE;

    if (!name || !*name)
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_FORMAT, "expected the name of a class");
    else if (!key)
        ok = fov_labels_append (names, name, strlen (name), error);
    else if (!number || !g_ascii_string_to_unsigned (number, 10, 0, G_MAXUINT64, &index, NULL))
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "\"%.40s\", expected \"index: name\"",
                     number ? number : "");
    else
        ok = fov_labels_put (names, index, name, error);
    if (!ok)
        g_prefix_error (error, "line %u: ", fov_yaml_line (key ? key : node));
    return ok;
}

static gboolean
read_nodes (yaml_document_t *document, GPtrArray *names, GError **error)
{
    const yaml_node_t *list = fov_yaml_member (document, "names");
    const yaml_node_t *node;

    if (list && list->type == YAML_SEQUENCE_NODE) {
        for (guint i = 0; (node = fov_yaml_element (document, list, i)); i++)
            if (!put_node (NULL, node, names, error))
                return FALSE;
        return TRUE;
    }
    if (!list || list->type != YAML_MAPPING_NODE) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                     "line %u: \"names\" is %s, expected a list of classes or \"index: name\"",
                     list ? fov_yaml_line (list) : 1, list ? "one word" : "empty or not there");
        return FALSE;
    }
    for (const yaml_node_pair_t *p = list->data.mapping.pairs.start;
         p < list->data.mapping.pairs.top; p++)
        if (!put_node (yaml_document_get_node (document, p->key),
                       yaml_document_get_node (document, p->value), names, error))
            return FALSE;
    return TRUE;
}

gboolean
fov_labels_read_yaml (const char *text, GPtrArray *names, GError **error)
{
    yaml_document_t document;
    gboolean ok;

    if (!fov_yaml_load (&document, text, strlen (text), error))
        return FALSE;
    ok = read_nodes (&document, names, error);
    yaml_document_delete (&document);
    return ok;
}

static const char *
json_name (JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
               ? json_node_get_string (node)
               : NULL;
}

static gboolean
read_json_array (JsonArray *array, GPtrArray *names, GError **error)
{
    for (guint i = 0; i < json_array_get_length (array); i++) {
        const char *name = json_name (json_array_get_element (array, i));
        if (!name) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "JSON: element %u is not a string", i);
            return FALSE;
        }
        if (!fov_labels_append (names, name, strlen (name), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_json_object (JsonObject *object, GPtrArray *names, GError **error)
{
    JsonObjectIter iter;
    const char *key;
    JsonNode *node;

    json_object_iter_init (&iter, object);
    while (json_object_iter_next (&iter, &key, &node)) {
        const char *name = json_name (node);
        guint64 index;
        if (!name || !g_ascii_string_to_unsigned (key, 10, 0, FOV_LABELS_MAX - 1, &index, NULL)) {
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "JSON: member \"%.40s\", expected a class index below %d with a name", key,
                         FOV_LABELS_MAX);
            return FALSE;
        }
        if (!fov_labels_put (names, index, name, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
fov_labels_read_json (const char *text, GPtrArray *names, GError **error)
{
    g_autoptr (JsonNode) root = fov_json_parse (text, strlen (text), error);

    if (!root)
        return FALSE;
    if (JSON_NODE_HOLDS_ARRAY (root))
        return read_json_array (json_node_get_array (root), names, error);
    if (JSON_NODE_HOLDS_OBJECT (root))
        return read_json_object (json_node_get_object (root), names, error);
    g_set_error_literal (error, FOV_ERROR, FOV_ERROR_FORMAT, "JSON: expected an array or object");
    return FALSE;
}
