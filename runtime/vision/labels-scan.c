/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/labels-private.h"

#include <string.h>

/* Label files that are small languages: TensorFlow's text protos and Python literals. */

static void
ignore_message (GScanner *scanner, char *message, gboolean is_error)
{
}

static GScanner *
scanner_new (const char *text)
{
    GScanner *scanner = g_scanner_new (NULL);
    scanner->config->store_int64 = TRUE;
    scanner->config->scan_octal = FALSE;
    scanner->config->scan_identifier_1char = TRUE;
    scanner->config->scan_identifier_NULL = FALSE;
    scanner->config->scan_symbols = FALSE;
    scanner->msg_handler = ignore_message;
    g_scanner_input_text (scanner, text, (guint) strlen (text));
    return scanner;
}

static gboolean
unexpected (GScanner *scanner, const char *expected, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "line %u, column %u: expected %s",
                 g_scanner_cur_line (scanner), g_scanner_cur_position (scanner), expected);
    return FALSE;
}

static gboolean
next_is (GScanner *scanner, guint token)
{
    return (guint) g_scanner_get_next_token (scanner) == token;
}

/* "\xff" in a quoted string may have made bytes that are no text. */
static char *
take_string (GScanner *scanner)
{
    return g_utf8_make_valid (scanner->value.v_string, -1);
}

typedef struct {
    guint64 id;
    char *name;
} Item;

static void
item_clear (gpointer data)
{
    g_free (((Item *) data)->name);
}

static gboolean
read_field (GScanner *scanner, Item *item, gboolean *has_id, GError **error)
{
    g_autofree char *field = g_strdup (scanner->value.v_identifier);
    if (!next_is (scanner, ':'))
        return unexpected (scanner, "':' after a field's name", error);
    GTokenType type = g_scanner_get_next_token (scanner);
    if (strcmp (field, "id") == 0) {
        if (type != G_TOKEN_INT)
            return unexpected (scanner, "a whole number as id", error);
        item->id = scanner->value.v_int64;
        *has_id = TRUE;
    } else if (strcmp (field, "display_name") == 0 ||
               (strcmp (field, "name") == 0 && !item->name)) {
        if (type != G_TOKEN_STRING)
            return unexpected (scanner, "a quoted name", error);
        g_free (item->name);
        item->name = take_string (scanner);
    } else if (type != G_TOKEN_INT && type != G_TOKEN_STRING && type != G_TOKEN_FLOAT &&
               type != G_TOKEN_IDENTIFIER) {
        return unexpected (scanner, "a field's value", error);
    }
    return TRUE;
}

static gboolean
read_item (GScanner *scanner, GArray *items, GError **error)
{
    gboolean has_id = FALSE;
    Item item = { 0 };
    GTokenType token;

    if (!next_is (scanner, '{'))
        return unexpected (scanner, "'{' after item", error);
    while ((token = g_scanner_get_next_token (scanner)) == G_TOKEN_IDENTIFIER || token == ',' ||
           token == ';')
        if (token == G_TOKEN_IDENTIFIER && !read_field (scanner, &item, &has_id, error)) {
            item_clear (&item);
            return FALSE;
        }
    if (token != '}' || !has_id || !item.name) {
        item_clear (&item);
        return unexpected (scanner, "an item of id and name that ends with '}'", error);
    }
    g_array_append_val (items, item);
    return TRUE;
}

gboolean
fov_labels_is_pbtxt (const char *text)
{
    while (*text == '#') {
        text += strcspn (text, "\n");
        text += strspn (text, " \t\r\n");
    }
    if (!g_str_has_prefix (text, "item"))
        return FALSE;
    return text[4 + strspn (text + 4, " \t\r\n")] == '{';
}

/* Ids count from 1, as 0 is the background there; where 0 is in use they are indices. */
gboolean
fov_labels_read_pbtxt (const char *text, GPtrArray *names, GError **error)
{
    g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (Item));
    GScanner *scanner = scanner_new (text);
    gboolean ok = TRUE, from_zero = FALSE;

    g_array_set_clear_func (items, item_clear);
    while (ok && g_scanner_peek_next_token (scanner) != G_TOKEN_EOF) {
        if (next_is (scanner, G_TOKEN_IDENTIFIER) &&
            strcmp (scanner->value.v_identifier, "item") == 0)
            ok = read_item (scanner, items, error);
        else
            ok = unexpected (scanner, "\"item {\"", error);
    }
    g_scanner_destroy (scanner);
    for (guint i = 0; i < items->len; i++)
        from_zero = from_zero || g_array_index (items, Item, i).id == 0;
    for (guint i = 0; ok && i < items->len; i++) {
        const Item *item = &g_array_index (items, Item, i);
        ok = fov_labels_put (names, from_zero ? item->id : item->id - 1, item->name, error);
    }
    return ok;
}

static gboolean
read_key (GScanner *scanner, guint64 *index, GError **error)
{
    GTokenType type = scanner->token;
    if (type == G_TOKEN_INT) {
        *index = scanner->value.v_int64;
    } else if (type != G_TOKEN_STRING ||
               !g_ascii_string_to_unsigned (scanner->value.v_string, 10, 0, FOV_LABELS_MAX - 1,
                                            index, NULL)) {
        return unexpected (scanner, "a class index", error);
    }
    return next_is (scanner, ':') || unexpected (scanner, "':' after the class index", error);
}

static gboolean
read_entries (GScanner *scanner, gboolean keyed, GPtrArray *names, GError **error)
{
    guint close = keyed ? '}' : ']';

    while (!next_is (scanner, close)) {
        guint64 index = names->len;
        if (keyed) {
            if (!read_key (scanner, &index, error))
                return FALSE;
            g_scanner_get_next_token (scanner);
        }
        if (scanner->token != G_TOKEN_STRING)
            return unexpected (scanner, "a quoted name", error);
        g_autofree char *name = take_string (scanner);
        if (!fov_labels_put (names, index, name, error))
            return FALSE;
        if ((guint) g_scanner_peek_next_token (scanner) == ',')
            g_scanner_get_next_token (scanner);
        else if ((guint) scanner->next_token != close)
            return unexpected (scanner, "',' or the closing bracket", error);
    }
    return TRUE;
}

gboolean
fov_labels_read_dict (const char *text, GPtrArray *names, GError **error)
{
    GScanner *scanner = scanner_new (text);
    guint open = (guint) g_scanner_get_next_token (scanner);
    gboolean ok;

    if (open == '{' || open == '[')
        ok = read_entries (scanner, open == '{', names, error) &&
             (next_is (scanner, G_TOKEN_EOF) ||
              unexpected (scanner, "nothing after the closing bracket", error));
    else
        ok = unexpected (scanner, "'{' or '['", error);
    g_scanner_destroy (scanner);
    return ok;
}
