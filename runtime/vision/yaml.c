/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vision/yaml.h"

#include <fovea/error.h>

static void
say_problem (const yaml_parser_t *parser, GError **error)
{
    const yaml_mark_t *mark =
        parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "cannot be read";

    if (parser->context)
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "line %u: not YAML: %s %s (from line %u)",
                     (guint) mark->line + 1, problem, parser->context,
                     (guint) parser->context_mark.line + 1);
    else
        g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "line %u: not YAML: %s",
                     (guint) mark->line + 1, problem);
}

gboolean
fov_yaml_load (yaml_document_t *document, const char *text, gsize size, GError **error)
{
    yaml_parser_t parser;
    gboolean ok;

    if (!yaml_parser_initialize (&parser)) {
        g_set_error_literal (error, FOV_ERROR, FOV_ERROR_MEMORY, "out of memory");
        return FALSE;
    }
    yaml_parser_set_input_string (&parser, (const unsigned char *) text, size);
    ok = yaml_parser_load (&parser, document) != 0;
    if (!ok)
        say_problem (&parser, error);
    yaml_parser_delete (&parser);
    return ok;
}

static gboolean
is_null (const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*fov_yaml_text (node) || g_str_equal (fov_yaml_text (node), "~") ||
            g_str_equal (fov_yaml_text (node), "null"));
}

yaml_node_t *
fov_yaml_member (yaml_document_t *document, const char *key)
{
    const yaml_node_t *root = yaml_document_get_root_node (document);

    if (!root || root->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
         p < root->data.mapping.pairs.top; p++) {
        yaml_node_t *value = yaml_document_get_node (document, p->value);
        if (!g_strcmp0 (fov_yaml_text (yaml_document_get_node (document, p->key)), key))
            return is_null (value) ? NULL : value;
    }
    return NULL;
}

yaml_node_t *
fov_yaml_element (yaml_document_t *document, const yaml_node_t *list, guint index)
{
    const gsize n = (gsize) (list->data.sequence.items.top - list->data.sequence.items.start);

    return index < n ? yaml_document_get_node (document, list->data.sequence.items.start[index])
                     : NULL;
}

const char *
fov_yaml_text (const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *) node->data.scalar.value : NULL;
}

guint
fov_yaml_line (const yaml_node_t *node)
{
    return (guint) node->start_mark.line + 1;
}
