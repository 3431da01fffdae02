/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/labels-private.h"

#include "vision/json.h"

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
is_names_key (const char *line)
{
    return g_str_has_prefix (line, "names:") && !line[6 + strspn (line + 6, " \t\r")];
}

static gboolean
is_blank_or_note (const char *line)
{
    line += strspn (line, " \t\r");
    return !*line || *line == '#';
}

/* In a YAML file the names are the indented block below "names:"; else the whole text. */
static gboolean
walk_indexed (const char *text, GPtrArray *names, GError **error)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    guint first = 0, n = g_strv_length (lines);

    for (guint i = 0; i < n && first == 0; i++)
        if (is_names_key (lines[i]))
            first = i + 1;
    for (guint i = first; i < n; i++) {
        guint64 index;
        char *name;
        if (is_blank_or_note (lines[i]))
            continue;
        if (first > 0 && !g_ascii_isspace (*lines[i]) && !g_ascii_isdigit (*lines[i]))
            break;
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
    if (g_str_has_prefix (text, "names:") || strstr (text, "\nnames:"))
        return TRUE;
    const char *line = text + strspn (text, " \t\r\n");
    return g_ascii_isdigit (*line) && walk_indexed (text, NULL, NULL);
}

gboolean
fov_labels_read_indexed (const char *text, GPtrArray *names, GError **error)
{
    return walk_indexed (text, names, error);
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
