/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/json.h"

#include <fovea/error.h>
#include <string.h>

/* The parser recurses for each level, so a hostile file could exhaust the stack. */
#define MAX_DEPTH 64

static gboolean
check_nesting (const char *text, gsize size, GError **error)
{
    gboolean in_string = FALSE;
    int depth = 0;

    for (gsize i = 0; i < size; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = FALSE;
        } else if (text[i] == '"') {
            in_string = TRUE;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > MAX_DEPTH) {
                g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                             "JSON nested deeper than %d levels at byte %" G_GSIZE_FORMAT,
                             MAX_DEPTH, i);
                return FALSE;
            }
        } else if (text[i] == '}' || text[i] == ']') {
            depth--;
        } else if (strchr ("/#'", text[i]) && text[i]) {
            /* The parser knows comments and other quotes, which could hide brackets from us. */
            g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT,
                         "not JSON: '%c' outside a string at byte %" G_GSIZE_FORMAT, text[i], i);
            return FALSE;
        }
    }
    return TRUE;
}

JsonNode *
fov_json_parse (const char *text, gsize size, GError **error)
{
    g_autoptr (JsonParser) parser = NULL;
    g_autoptr (GError) why = NULL;
    JsonNode *root;

    if (!check_nesting (text, size, error))
        return NULL;
    parser = json_parser_new_immutable ();
    if (size && !json_parser_load_from_data (parser, text, (gssize) size, &why)) {
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "not JSON: %s", why->message);
        return NULL;
    }
    root = json_parser_steal_root (parser);
    if (!root)
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_FORMAT, "there is nothing in it");
    return root;
}
